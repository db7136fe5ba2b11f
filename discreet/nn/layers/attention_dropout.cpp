#include "discreet/nn/layers/attention_dropout.h"

#include <algorithm>

#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {

const float* attention_factors(const AttentionDropout& dropout, std::int64_t example, std::int64_t head,
                               std::int64_t count) {
  thread_local std::vector<float> factors;
  factors.resize(std::max(factors.size(), static_cast<std::size_t>(count)));
  const std::int64_t place = dropout.examples.empty() ? example : dropout.examples[static_cast<std::size_t>(example)];
  // Other dropouts' layers stand below: no two have a counter in common.
  const std::uint32_t layer = (1U << 31) + (dropout.layer << 12) + static_cast<std::uint32_t>(head);
  kernels::dropout_factors({dropout.key.seed, layer, static_cast<std::uint32_t>(place),
                            static_cast<std::uint32_t>(dropout.key.step), dropout.key.rate},
                           factors.data(), count);
  return factors.data();
}

at::Tensor attention_factors(const AttentionDropout& dropout, std::int64_t example,
                             const std::vector<std::int64_t>& shape, const at::TensorOptions& options) {
  at::Tensor all = at::empty(shape, at::kFloat);
  const std::int64_t count = shape[1] * shape[2];
  for (std::int64_t head = 0; head < shape[0]; ++head) {
    const float* factors = attention_factors(dropout, example, head, count);
    std::copy(factors, factors + count, all.data_ptr<float>() + head * count);
  }
  return all.to(options);
}

}  // namespace discreet::nn
