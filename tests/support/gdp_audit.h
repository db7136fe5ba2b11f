#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "discreet/stats/intervals.h"

/// The two instruments by which the library audits itself: a lower bound on what a release gives
/// away, for defects that leave too little privacy (no clipping, noise halved or reused, a claimed
/// sensitivity too small), and a test of the noise's variance, for defects that add or share noise,
/// which no lower bound can see.
///
/// Design: few steps, rate 1, white box. A trial releases a sum and scores it as <sum, u> minus its
/// known mean without the canary, divided by the *claimed* standard deviation of that score; u is
/// the canary's unit direction. With rate 1 the mechanism is exactly mu-GDP, mu = sqrt(steps) /
/// noise_multiplier. Threshold and direction are fixed beforehand.
namespace discreet::test {

inline double normal_quantile(double p) {
  if (p <= 0) return -HUGE_VAL;
  if (p >= 1) return HUGE_VAL;
  double low = -40, high = 40;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

struct GdpAudit {
  double mu_lower = 0;  ///< With probability 1 - alpha the mechanism is no better than this mu.
  double mu_claimed = 0;
  bool violated =
      false;  ///< mu_lower > mu_claimed: a correct build does this with probability alpha.
};

/// Scores of trials without and with the canary. A doubling of mu is found with probability 0.996
/// by 4,000 trials on each side at claimed epsilon 1, by 2,000 (1.0) at epsilon 2, delta 1e-5. Ref:
/// Nasr et al. 2023; jax_privacy auditing, epsilon_from_gdp; one threshold, so no correction.
inline GdpAudit gdp_audit(std::span<const double> without, std::span<const double> with,
                          double mu_claimed, double alpha = 1e-6) {
  // A hair below mu, where the scores of a mechanism without any noise lie.
  const double threshold = mu_claimed * (1 - 1e-6);
  const auto above = [&](std::span<const double> scores) {
    return static_cast<std::uint64_t>(
        std::count_if(scores.begin(), scores.end(), [&](double s) { return s > threshold; }));
  };
  // Each upper end at alpha / 2.
  const double fpr = stats::clopper_pearson(above(without), without.size(), 1 - alpha).high;
  const double fnr = stats::clopper_pearson(with.size() - above(with), with.size(), 1 - alpha).high;
  GdpAudit audit;
  audit.mu_claimed = mu_claimed;
  audit.mu_lower = std::max(0.0, normal_quantile(1 - fpr) - normal_quantile(fnr));
  audit.violated = audit.mu_lower > mu_claimed;
  return audit;
}

/// Standard deviation of `values` over the claimed one, in standard errors: beyond +-4.9 a correct
/// build comes with probability 1e-6. 2,000 values show a change of 8 %.
inline double std_sigmas(std::span<const double> values, double claimed_std) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  const double n = static_cast<double>(values.size());
  const double ratio = std::sqrt(sum / n) / claimed_std;
  return ratio > 0 ? std::log(ratio) * std::sqrt(2 * n) : -HUGE_VAL;
}

}  // namespace discreet::test
