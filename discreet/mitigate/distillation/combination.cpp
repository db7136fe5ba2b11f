#include "discreet/mitigate/distillation/combination.h"

#include "discreet/core/registry.h"

namespace discreet::mitigate {

TeacherOutputs outputs_of(const at::Tensor& logits) {
  const at::Tensor sum = logits.logsumexp(1);
  return {logits - sum.unsqueeze(1), sum};
}

at::Tensor target_scores(const TeacherOutputs& original, const TeacherOutputs& reversed, const at::Tensor& aligned,
                         const std::string& combination, CombineOn on) {
  const auto scores = [on](const TeacherOutputs& outputs) {
    return on == CombineOn::kLogits ? outputs.log_probs + outputs.log_sum_exp.unsqueeze(1) : outputs.log_probs;
  };
  const at::Tensor first = scores(original);
  if (combination == "none") return first;
  const auto combine = core::registry().make<Combination>("combination", combination);
  return at::where(aligned.unsqueeze(1), combine(first, scores(reversed)), first);
}

}  // namespace discreet::mitigate
