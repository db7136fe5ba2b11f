#pragma once

#include "discreet/dp/clipping.h"

namespace discreet::dp::internal {

/// Bounds that follow a quantile of the segments' norms by noisy counts:
/// C <- C exp(-rate (b - quantile)), b = count / expected segments + 1/2.
/// An empty step has b = 1/2 before noise. Ref: Andrew et al. 2021, arXiv 1905.03871, Algorithm 1.
class QuantileClipping final : public ClippingRule {
 public:
  /// Throws: kUsage if quantile is not in (0, 1) or the rate is not positive.
  QuantileClipping(std::vector<double> bounds, bool by_layer, const ClippingOptions& options);
  bool by_layer() const override { return by_layer_; }
  double factor(std::size_t layer, double norm) const override {
    return clip_factor(norm, bounds_[layer]);
  }
  bool counts() const override { return true; }
  void adapt(std::span<const double> noisy_counts, double expected_segments) override;

 private:
  bool by_layer_;
  double quantile_, rate_;
};

}  // namespace discreet::dp::internal
