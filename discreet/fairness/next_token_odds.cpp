#include "discreet/fairness/next_token_odds.h"

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/decoder.h"
#include "discreet/nn/last_rows.h"
#include "discreet/nn/model.h"
#include "discreet/nn/token_batches.h"

namespace discreet::fairness {
namespace {

at::Tensor ids_tensor(std::span<const std::int64_t> ids, std::int64_t vocabulary) {
  if (ids.empty()) throw internal_error("odds of no token");
  for (const std::int64_t id : ids) {
    if (id < 0 || id >= vocabulary) throw internal_error("odds of a token beyond the vocabulary");
  }
  return at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()));
}

}  // namespace

std::vector<double> next_token_log_odds(nn::Model& model, std::span<const std::vector<std::int64_t>> prompts,
                                        std::span<const std::int64_t> first, std::span<const std::int64_t> second) {
  constexpr std::int64_t kTokens = 4096;
  const at::NoGradGuard no_grad;
  const bool was_training = model.is_training();
  model.eval();
  const nn::EncodedExamples examples = nn::examples_of(prompts);
  const nn::LastRowsScope last_rows;
  std::vector<double> odds;
  for (std::int64_t begin = 0, end = 0; begin < examples.size(); begin = end) {
    end = nn::batch_end(examples.offsets, begin, kTokens);
    for (std::int64_t i = begin; i < end; ++i) {
      if (examples.offsets[i + 1] == examples.offsets[i]) throw internal_error("odds after an empty prompt");
    }
    const at::Tensor logits = model.forward(nn::collate(examples, nn::consecutive(begin, end))).emissions;
    const auto log_mass = [&](std::span<const std::int64_t> ids) {
      return logits.index_select(1, ids_tensor(ids, logits.size(1)).to(logits.device())).to(at::kCPU, at::kDouble).logsumexp(1);
    };
    const at::Tensor ratio = log_mass(first) - log_mass(second);
    odds.insert(odds.end(), ratio.const_data_ptr<double>(), ratio.const_data_ptr<double>() + ratio.numel());
  }
  model.train(was_training);
  return odds;
}

}  // namespace discreet::fairness
