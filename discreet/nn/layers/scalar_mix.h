#pragma once

#include <vector>

#include "discreet/nn/batch.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// scale x sum over l of softmax(weights)_l x_l: a learned mean of a model's layers.
///
/// Shapes: L layers [N,d]; returns [N,d]. Parameters: weights [L] (zeros at the start: the plain mean),
/// scale [1] (one). Both are used through `expanded`, so that private training needs
/// privacy.generic_rule for them. Ref: Peters et al. 2018, equation 1.
class ScalarMixImpl : public torch::nn::Module {
 public:
  explicit ScalarMixImpl(std::int64_t layers);
  at::Tensor forward(const std::vector<at::Tensor>& layers, const Rows& rows);

  at::Tensor weights, scale;
};
TORCH_MODULE(ScalarMix);

}  // namespace discreet::nn
