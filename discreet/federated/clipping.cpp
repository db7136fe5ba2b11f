#include "discreet/federated/clipping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "discreet/core/error.h"

namespace discreet::federated {

double clip_update(std::span<float> update, double clip_norm) {
  double squares = 0;
  for (const float value : update) squares += double(value) * value;
  const double norm = std::sqrt(squares);
  if (!std::isfinite(norm)) {
    std::fill(update.begin(), update.end(), 0.0f);
    return std::numeric_limits<double>::infinity();
  }
  if (norm <= clip_norm) return norm;
  // Rounding of the products to float32 must not carry the norm over the bound.
  const double factor = clip_norm / norm * (1 - std::ldexp(1.0, -22));
  for (float& value : update) value = static_cast<float>(value * factor);
  return norm;
}

double AdaptiveClip::move(double noisy_count, double expected_cohort) {
  const double below = noisy_count / expected_cohort + 0.5;
  clip_norm_ *= std::exp(-rate_ * (below - quantile_));
  return below;
}

double split_noise(double noise_multiplier, double count_noise) {
  const double half = 2 * count_noise;
  if (!(half > noise_multiplier)) {
    throw usage_error(fmt::format("a count noise of {} leaves nothing for the updates at noise "
                                  "multiplier {}",
                                  count_noise, noise_multiplier),
                      "Twice the count noise must be above the noise multiplier.");
  }
  return 1 / std::sqrt(1 / (noise_multiplier * noise_multiplier) - 1 / (half * half));
}

}  // namespace discreet::federated
