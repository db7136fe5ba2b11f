#include "discreet/nn/layers/dropout.h"

#include "discreet/core/error.h"
#include "discreet/nn/graph.h"
#include "discreet/nn/kernels/rows.h"

namespace discreet::nn {
namespace {

/// Factors [rows, width] for rows that belong to the examples as `offsets` says.
at::Tensor draw_factors(const PackedBatch& batch, const std::vector<std::int64_t>& offsets,
                        std::int64_t width, const DropoutKey& key, std::uint32_t layer) {
  at::Tensor factors = at::empty({offsets.back(), width}, at::kFloat);
  float* to = factors.data_ptr<float>();
  for (std::int64_t e = 0; e < batch.examples(); ++e) {
    const std::int64_t index = batch.indices.empty() ? e : batch.indices[e];
    const kernels::DropoutStream stream{key.seed, layer, static_cast<std::uint32_t>(index),
                                        static_cast<std::uint32_t>(key.step), key.rate};
    kernels::dropout_factors(stream, to + offsets[e] * width,
                             (offsets[e + 1] - offsets[e]) * width);
  }
  return factors;
}

at::Tensor apply_factors(const at::Tensor& x, const at::Tensor& factors) {
  at::Tensor y;
  {
    const at::NoGradGuard no_grad;
    y = x * factors;
  }
  return attach(y, {x}, [factors](const at::Tensor& grad, const std::vector<bool>&) {
    return std::vector<at::Tensor>{grad * factors};
  });
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, const PackedBatch& batch, const DropoutKey& key,
                   std::uint32_t layer) {
  if (key.rate <= 0) return x;
  std::vector<std::int64_t> offsets = batch.offsets;
  if (x.size(0) != batch.token_count()) {
    for (std::size_t e = 0; e < offsets.size(); ++e) offsets[e] = static_cast<std::int64_t>(e);
  }
  if (offsets.back() != x.size(0))
    throw internal_error("dropout rows match neither tokens nor examples");
  return apply_factors(x, draw_factors(batch, offsets, x.size(1), key, layer).to(x.options()));
}

at::Tensor word_dropout(const at::Tensor& x, const PackedBatch& batch, const DropoutKey& key,
                        std::uint32_t layer) {
  if (key.rate <= 0) return x;
  const at::Tensor factors = draw_factors(batch, batch.offsets, 1, key, layer).mul_(1 - key.rate);
  return apply_factors(x, factors.to(x.options()));
}

}  // namespace discreet::nn
