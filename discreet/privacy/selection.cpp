#include "discreet/privacy/selection.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/internal/rdp.h"

namespace discreet::privacy {
namespace {

/// By inversion: P(1) = s (1 - g)/(g^-s - 1) with shape s, (1 - g)/ln(1/g) for s = 0, and
/// P(k + 1) = P(k) (1 - g) (k + s)/(k + 1).
template <class Rng>
std::int64_t draw_count(const RunCount& runs, Rng& rng) {
  if (std::isinf(runs.shape)) {
    throw usage_error("a Poisson number of runs may be none, and then there is nothing to release",
                      "Take a geometric or logarithmic number.");
  }
  const double g = internal::selection_gamma(runs.shape, runs.mean);
  if (g == 1) return 1;
  const double s = runs.shape, log_inverse = -std::log(g);
  double chance = s == 0 ? (1 - g) / log_inverse : s * (1 - g) / std::expm1(s * log_inverse);
  double left = (static_cast<double>(rng() >> 11) + 0.5) * 0x1p-53;
  std::int64_t count = 1;
  while (left > chance && chance > 1e-18) {
    left -= chance;
    const auto k = static_cast<double>(count++);
    chance *= (1 - g) * (k + s) / (k + 1);
  }
  return count;
}

}  // namespace

std::int64_t draw_run_count(const RunCount& runs, core::SecureRng& rng) { return draw_count(runs, rng); }
std::int64_t draw_run_count(const RunCount& runs, core::ReproducibleRng& rng) { return draw_count(runs, rng); }

std::string in_words(const RunCount& runs) {
  const std::string kind = runs.shape == 0            ? "logarithmic"
                           : runs.shape == 1          ? "geometric"
                           : std::isinf(runs.shape)   ? "Poisson"
                                                      : fmt::format("negative binomial (shape {:g})", runs.shape);
  return fmt::format("a {} number of runs, {:g} on average", kind, runs.mean);
}

}  // namespace discreet::privacy
