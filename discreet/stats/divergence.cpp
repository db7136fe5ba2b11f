#include "discreet/stats/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

double positive_sum(std::span<const double> values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  const bool negative = std::any_of(values.begin(), values.end(), [](double v) { return !(v >= 0); });
  if (negative || !(sum > 0) || !std::isfinite(sum)) {
    throw usage_error(fmt::format("a distribution with sum {}", sum),
                      "Its parts must be at least 0, finite, and not all 0.");
  }
  return sum;
}

}  // namespace

double jensen_shannon_divergence(std::span<const double> p, std::span<const double> q) {
  if (p.size() != q.size()) {
    throw usage_error(fmt::format("distributions over {} and {} cells", p.size(), q.size()));
  }
  const double p_sum = positive_sum(p);
  const double q_sum = positive_sum(q);
  double divergence = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double a = p[i] / p_sum;
    const double b = q[i] / q_sum;
    const double middle = 0.5 * (a + b);
    if (a > 0) divergence += 0.5 * a * std::log(a / middle);
    if (b > 0) divergence += 0.5 * b * std::log(b / middle);
  }
  return std::clamp(divergence, 0.0, std::log(2.0));
}

double jensen_shannon_distance(std::span<const double> p, std::span<const double> q,
                               double log_base) {
  return std::sqrt(jensen_shannon_divergence(p, q) / std::log(log_base));
}

double gini(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  double sum = 0;
  double weighted = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (!(sorted[i] >= 0) || std::isinf(sorted[i])) {
      throw usage_error(fmt::format("a Gini coefficient of the value {}", sorted[i]),
                        "Values must be at least 0 and finite.");
    }
    sum += sorted[i];
    weighted += static_cast<double>(i + 1) * sorted[i];
  }
  if (sum == 0) return 0;
  const double n = static_cast<double>(sorted.size());
  return 2 * weighted / (n * sum) - (n + 1) / n;
}

}  // namespace discreet::stats
