#pragma once

#include "discreet/dp/internal/instantiated.h"
#include "discreet/dp/internal/kernels.h"

namespace discreet::dp::internal {

/// Rule of y = gamma xhat + beta on rows, whatever xhat is the normal form of: dgamma = sum over
/// rows of dY xhat, dbeta = sum of dY. The statistics in xhat must be of the segment alone.
class AffineRowsRule final : public InstantiatedRule {
 public:
  explicit AffineRowsRule(std::string kind) : InstantiatedRule(std::move(kind), {2, 1, 1}) {}

 private:
  at::Tensor row_gradients(const nn::Use& use, std::size_t param) const override {
    return param == 0 ? use.gradients[0] * use.inputs[0] : use.gradients[0];
  }
  void add_gradient(const nn::Use& use, std::size_t param, std::int64_t s,
                    std::span<double> out) const override {
    const at::Tensor& gradient = use.gradients[0];
    const std::int64_t width = gradient.size(1);
    by_element_type(gradient, [&](auto zero) {
      using T = decltype(zero);
      const T* dy = gradient.const_data_ptr<T>();
      const T* xhat = use.inputs[0].const_data_ptr<T>();
      for (std::int64_t r = use.segments->offsets[s]; r < use.segments->offsets[s + 1]; ++r) {
        const std::span<const T> row(dy + r * width, static_cast<std::size_t>(width));
        if (param == 0) {
          add_product(row, xhat + r * width, out.data());
        } else {
          add_scaled(row, 1, out.data());
        }
      }
    });
  }
};

}  // namespace discreet::dp::internal
