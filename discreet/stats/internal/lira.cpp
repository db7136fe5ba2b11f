#include "discreet/stats/internal/lira.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::stats::internal {
namespace {

constexpr std::size_t kModelsForOwnVariance = 32;

/// Divisor n - 1; absent for fewer than two values.
std::optional<double> variance_around_mean(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / (n - 1);
}

}  // namespace

LiraFit fit_lira(const AttackData& data, bool in, LiraVariance variance) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  LiraFit fit{std::vector<double>(data.examples, nan), std::vector<double>(data.examples, nan), {}};
  double sum = 0;
  std::size_t pooled = 0, fewest = std::numeric_limits<std::size_t>::max();
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    ShadowSides sides = shadow_sides(data, data.shadow_signal, i);
    std::vector<double>& values = in ? sides.in : sides.out;
    fewest = std::min(fewest, values.size());
    if (values.empty()) continue;
    if (const auto own = variance_around_mean(values)) {
      sum += *own;
      ++pooled;
      if (*own > 0) fit.deviation[i] = std::sqrt(*own);
    }
    fit.center[i] = median(std::move(values));
  }
  const bool fixed = variance == LiraVariance::kFixed ||
                     (variance == LiraVariance::kAuto && fewest < kModelsForOwnVariance);
  if (!(sum > 0)) {
    throw bad_data(fmt::format("no example has two shadow models {} it whose signals differ: there is no "
                               "variance for LiRA",
                               in ? "trained on" : "not trained on"),
                   "Give more shadow models, or use the attack difficulty-calibration.");
  }
  if (fixed) {
    fit.pooled = std::sqrt(sum / static_cast<double>(pooled));
    for (std::size_t i = 0; i < data.examples; ++i) {
      if (!std::isnan(fit.center[i])) fit.deviation[i] = *fit.pooled;
    }
  }
  return fit;
}

core::FieldSpec lira_variance_spec() {
  return {.choices = {"auto", "fixed", "per-example"},
          .doc = "Variance of the signal: one for all examples, pooled within them, or each example's own; auto "
                 "takes the latter from 32 shadow models a side."};
}

}  // namespace discreet::stats::internal
