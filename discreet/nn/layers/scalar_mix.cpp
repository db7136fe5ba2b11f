#include "discreet/nn/layers/scalar_mix.h"

#include "discreet/nn/layers/expanded.h"

namespace discreet::nn {

ScalarMixImpl::ScalarMixImpl(std::int64_t layers) {
  weights = register_parameter("weights", at::zeros({layers}));
  scale = register_parameter("scale", at::ones({1}));
}

at::Tensor ScalarMixImpl::forward(const std::vector<at::Tensor>& layers, const Rows& rows) {
  // In this order, so that a recorder meets the weights first.
  const at::Tensor of_segments = expanded(weights, rows).softmax(1);
  const at::Tensor shares = of_segments * expanded(scale, rows);  // [S,L]
  const at::Tensor of_rows = shares.index_select(0, rows->numbers(shares.device()));
  at::Tensor mixed;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const at::Tensor part = of_rows.narrow(1, static_cast<std::int64_t>(l), 1) * layers[l];
    mixed = mixed.defined() ? mixed + part : part;
  }
  return mixed;
}

}  // namespace discreet::nn
