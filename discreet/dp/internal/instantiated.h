#pragma once

#include <vector>

#include "discreet/dp/rule.h"
#include "discreet/dp/internal/uses.h"

namespace discreet::dp::internal {

/// Base of rules whose parameters are so small that each segment's gradient is simply made: layer
/// norms, CRF scores. Gradients are held in double, [S, P] with the parameters side by side.
class InstantiatedRule : public SegmentRule {
 public:
  InstantiatedRule(std::string kind, UseShape shape) : kind_(std::move(kind)), shape_(shape) {}

  void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) final;
  void add_clipped_sum(std::span<const double> factors,
                       std::span<GradientSink* const> sinks) final;

 protected:
  /// Rows [N, size] whose sums over segments are the gradients with respect to parameter `param`: the
  /// same as `add_gradient`, for tensors without kernels of our own.
  virtual at::Tensor row_gradients(const nn::Use& use, std::size_t param) const = 0;
  /// Adds the gradient of segment `s` with respect to parameter `param`, flattened, to `out`.
  virtual void add_gradient(const nn::Use& use, std::size_t param, std::int64_t s,
                            std::span<double> out) const = 0;

 private:
  std::string kind_;
  UseShape shape_;
  std::vector<at::Tensor> gradients_;  // per parameter double [S, size]; undefined where frozen
};

}  // namespace discreet::dp::internal
