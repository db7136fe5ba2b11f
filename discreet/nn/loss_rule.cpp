#include "discreet/nn/loss_rule.h"

namespace discreet::nn {

at::Tensor WeightedLoss::losses(Model& model, const PackedBatch& batch) {
  const at::Tensor loss = model.forward(batch).loss;
  const at::Tensor weights = at::empty({batch.examples()}, at::kFloat);
  float* values = weights.data_ptr<float>();
  for (std::size_t i = 0; i < batch.indices.size(); ++i) {
    values[i] = static_cast<float>(weights_.at(static_cast<std::size_t>(batch.indices[i])));
  }
  return loss * weights.to(loss.device());
}

}  // namespace discreet::nn
