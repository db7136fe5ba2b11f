#include "discreet/dp/internal/instantiated.h"

#include "discreet/dp/internal/kernels.h"
#include "discreet/nn/device.h"

namespace discreet::dp::internal {

void InstantiatedRule::add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) {
  at::NoGradGuard no_grad;
  for (nn::Use& use : uses) check_use(use, shape_, squared.size());
  const auto count = static_cast<std::int64_t>(squared.size());
  gradients_.assign(shape_.params, {});
  for (std::size_t k = 0; k < shape_.params; ++k) {
    const at::Tensor& param = uses.front().params[k];
    if (!param.defined()) continue;
    const std::int64_t size = param.numel();
    if (!nn::has_kernels(uses.front().gradients[0])) {
      for (const nn::Use& use : uses) {
        const at::Tensor sums = segment_sums(row_gradients(use, k), *use.segments);
        gradients_[k] = gradients_[k].defined() ? gradients_[k] + sums : sums;
      }
      add_to_squared(gradients_[k].square().sum(1), squared);
      continue;
    }
    gradients_[k] = at::zeros({count, size}, at::kDouble);
    double* data = gradients_[k].data_ptr<double>();
    const std::int64_t rows = uses.front().segments->rows() / std::max<std::int64_t>(1, count);
    for_segments(count, size * (1 + rows), [&](std::int64_t s) {
      const std::span<double> gradient(data + s * size, static_cast<std::size_t>(size));
      for (const nn::Use& use : uses) add_gradient(use, k, s, gradient);
      squared[s] += squared_norm(std::span<const double>(gradient));
    });
  }
}

void InstantiatedRule::add_clipped_sum(std::span<const double> factors,
                                       std::span<GradientSink* const> sinks) {
  at::NoGradGuard no_grad;
  for (std::size_t k = 0; k < gradients_.size(); ++k) {
    if (sinks[k] == nullptr) continue;
    if (!nn::has_kernels(gradients_[k])) {
      const at::Tensor shares = factors_like(factors, gradients_[k]);
      sinks[k]->add(gradients_[k].masked_fill(shares.eq(0).unsqueeze(1), 0).t().mv(shares));
      continue;
    }
    const std::int64_t size = gradients_[k].size(1);
    at::Tensor sum = at::zeros({size}, at::kDouble);
    for (std::size_t s = 0; s < factors.size(); ++s) {
      const double* gradient =
          gradients_[k].const_data_ptr<double>() + static_cast<std::int64_t>(s) * size;
      add_scaled(std::span<const double>(gradient, size), factors[s], sum.data_ptr<double>());
    }
    sinks[k]->add(sum);
  }
  gradients_.clear();
}

}  // namespace discreet::dp::internal
