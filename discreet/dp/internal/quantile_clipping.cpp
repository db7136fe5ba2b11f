#include "discreet/dp/internal/quantile_clipping.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::dp::internal {

QuantileClipping::QuantileClipping(std::vector<double> bounds, bool by_layer,
                                   const ClippingOptions& options)
    : ClippingRule(std::move(bounds)),
      by_layer_(by_layer),
      quantile_(options.quantile),
      rate_(options.quantile_rate) {
  if (!(quantile_ > 0) || !(quantile_ < 1)) {
    throw usage_error(fmt::format("quantile = {}: expected a number in (0, 1)", quantile_));
  }
  if (!(rate_ > 0) || std::isinf(rate_)) {
    throw usage_error(fmt::format("quantile rate = {}: expected a number above 0", rate_));
  }
}

void QuantileClipping::adapt(std::span<const double> noisy_counts, double expected_segments) {
  if (noisy_counts.size() != bounds_.size()) throw internal_error("another number of counts than bounds");
  for (std::size_t l = 0; l < bounds_.size(); ++l) {
    const double below = noisy_counts[l] / expected_segments + 0.5;
    const double moved = bounds_[l] * std::exp(-rate_ * (below - quantile_));
    // Counts with much noise must not carry a bound to 0 or out of the range of floats.
    bounds_[l] = std::clamp(moved, 1e-12, 1e12);
  }
}

}  // namespace discreet::dp::internal
