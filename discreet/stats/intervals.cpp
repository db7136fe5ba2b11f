#include "discreet/stats/intervals.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

void check_rate(std::uint64_t successes, std::uint64_t trials, double confidence) {
  if (successes > trials) {
    throw internal_error(fmt::format("{} successes in {} trials", successes, trials));
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw internal_error(fmt::format("confidence {} is outside (0, 1)", confidence));
  }
}

}  // namespace

double normal_quantile(double probability) {
  return boost::math::quantile(boost::math::normal(), probability);
}

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence) {
  check_rate(successes, trials, confidence);
  if (trials == 0) return {0, 1};
  const double n = static_cast<double>(trials);
  const double p = static_cast<double>(successes) / n;
  const double z = normal_quantile(0.5 + confidence / 2);
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  // The ends are 0 and 1 exactly at the edges; rounding must not say 1e-17.
  return {successes == 0 ? 0.0 : std::max(0.0, centre - half),
          successes == trials ? 1.0 : std::min(1.0, centre + half)};
}

Interval clopper_pearson(std::uint64_t successes, std::uint64_t trials, double confidence) {
  check_rate(successes, trials, confidence);
  if (trials == 0) return {0, 1};
  const double k = static_cast<double>(successes);
  const double n = static_cast<double>(trials);
  const double tail = (1 - confidence) / 2;
  using boost::math::beta_distribution;
  using boost::math::complement;
  const double low =
      successes == 0 ? 0.0 : boost::math::quantile(beta_distribution<>(k, n - k + 1), tail);
  const double high =
      successes == trials
          ? 1.0
          : boost::math::quantile(complement(beta_distribution<>(k + 1, n - k), tail));
  return {low, high};
}

Interval newcombe_difference(std::uint64_t successes1, std::uint64_t trials1,
                             std::uint64_t successes2, std::uint64_t trials2, double confidence) {
  check_rate(successes1, trials1, confidence);
  check_rate(successes2, trials2, confidence);
  if (trials1 == 0 || trials2 == 0) return {-1, 1};
  const double p1 = static_cast<double>(successes1) / static_cast<double>(trials1);
  const double p2 = static_cast<double>(successes2) / static_cast<double>(trials2);
  const Interval w1 = wilson(successes1, trials1, confidence);
  const Interval w2 = wilson(successes2, trials2, confidence);
  return {p1 - p2 - std::hypot(p1 - w1.low, w2.high - p2),
          p1 - p2 + std::hypot(w1.high - p1, p2 - w2.low)};
}

MeanEstimate mean_interval(std::span<const double> values, double confidence) {
  if (values.empty()) throw internal_error("the mean of no values");
  if (!(confidence > 0 && confidence < 1)) {
    throw internal_error(fmt::format("confidence {} is outside (0, 1)", confidence));
  }
  MeanEstimate estimate;
  estimate.n = values.size();
  const double n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) throw internal_error("the mean of a value that is not finite");
    sum += value;
  }
  estimate.mean = sum / n;
  if (values.size() < 2) return estimate;
  double squares = 0;
  for (const double value : values) squares += (value - estimate.mean) * (value - estimate.mean);
  const double deviation = std::sqrt(squares / (n - 1));
  const double t = boost::math::quantile(boost::math::students_t(n - 1), 0.5 + confidence / 2);
  const double half = t * deviation / std::sqrt(n);
  estimate.standard_deviation = deviation;
  estimate.ci = Interval{estimate.mean - half, estimate.mean + half};
  return estimate;
}

}  // namespace discreet::stats
