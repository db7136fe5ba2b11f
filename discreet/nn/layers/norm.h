#pragma once

#include <string_view>

#include "discreet/nn/layers/layer_norm.h"
#include "discreet/nn/layers/rms_norm.h"

namespace discreet::nn {

enum class NormKind { kLayer, kRms };

/// "layer" or "rms"; empty is layer. Throws: kUsage on any other name.
NormKind parse_norm(std::string_view name);

/// Whichever norm a model was asked for, under the same names of parameters: gamma and, with kLayer,
/// beta.
class NormImpl : public torch::nn::Module {
 public:
  /// `epsilon` 0: the kind's own, 1e-5 or, with kRms, 1e-6.
  NormImpl(std::int64_t width, NormKind kind, double epsilon = 0);
  at::Tensor forward(const at::Tensor& x, const Rows& rows) {
    return beta.defined() ? layer_norm(x, gamma, beta, rows, epsilon_)
                          : rms_norm(x, gamma, rows, epsilon_);
  }

  at::Tensor gamma, beta;

 private:
  double epsilon_;
};
TORCH_MODULE(Norm);

}  // namespace discreet::nn
