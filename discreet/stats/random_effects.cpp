#include "discreet/stats/random_effects.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/stats/intervals.h"

namespace discreet::stats {

CombinedEffect combine_effects(std::span<const double> effects, std::span<const double> variances) {
  if (effects.size() != variances.size() || effects.empty()) {
    throw internal_error("a combination of effects needs one variance for each");
  }
  CombinedEffect combined;
  combined.n = effects.size();
  double weights = 0, weighted = 0, weighted_squares = 0, squared_weights = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    if (!(variances[i] > 0)) {
      combined.reason = "a draw's associations have no variance, so it has no weight";
      return combined;
    }
    const double weight = 1 / variances[i];
    weights += weight;
    weighted += weight * effects[i];
    weighted_squares += weight * effects[i] * effects[i];
    squared_weights += weight * weight;
  }
  combined.heterogeneity = std::max(0.0, weighted_squares - weighted * weighted / weights);
  const double scale = weights - squared_weights / weights;
  if (effects.size() > 1) {
    const double excess = combined.heterogeneity - static_cast<double>(effects.size() - 1);
    combined.between_variance = std::max(0.0, excess / scale);
  }
  double total = 0, sum = 0;
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const double weight = 1 / (variances[i] + combined.between_variance);
    total += weight;
    sum += weight * effects[i];
  }
  combined.effect = sum / total;
  combined.standard_error = std::sqrt(1 / total);
  combined.z = *combined.effect / combined.standard_error;
  combined.p_two_sided = 2 * normal_cdf(-std::abs(combined.z));
  combined.p_signed = normal_cdf(-combined.z);
  return combined;
}

}  // namespace discreet::stats
