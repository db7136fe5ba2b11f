#include "discreet/stats/correlation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include <boost/math/distributions/students_t.hpp>

#include "discreet/core/error.h"
#include "discreet/stats/ranks.h"

namespace discreet::stats {
namespace {

/// r of the values as they are; the caller knows that both vary.
double product_moment(std::span<const double> x, std::span<const double> y) {
  const double n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  return std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0);
}

/// Two-sided p of r under no association, by Student's t with n - 2 degrees of freedom.
double p_by_t(double r, std::size_t n) {
  if (std::abs(r) >= 1) return 0;
  const double degrees = static_cast<double>(n - 2);
  const double t = std::abs(r) * std::sqrt(degrees / (1 - r * r));
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(degrees), t));
}

Interval fisher_interval(double r, double standard_error, double confidence) {
  const double half = normal_quantile(0.5 + confidence / 2) * standard_error;
  const double z = std::atanh(std::clamp(r, -1 + 1e-15, 1 - 1e-15));
  return {std::tanh(z - half), std::tanh(z + half)};
}

/// Sizes of the groups of equal values.
std::vector<double> tie_sizes(std::span<const double> values) {
  std::map<double, double> counts;
  for (const double value : values) ++counts[value];
  std::vector<double> sizes;
  for (const auto& [value, count] : counts) sizes.push_back(count);
  return sizes;
}

void add_kendall(std::span<const double> x, std::span<const double> y, Correlation& result) {
  double balance = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double sign = (x[i] - x[j]) * (y[i] - y[j]);
      balance += (sign > 0) - (sign < 0);
    }
  }
  const double n = static_cast<double>(x.size()), pairs = n * (n - 1) / 2;
  // Sums over tie groups t: t(t-1), t(t-1)(t-2), t(t-1)(2t+5).
  const auto sums = [](const std::vector<double>& sizes) {
    std::array<double, 3> s{};
    for (const double t : sizes) {
      s[0] += t * (t - 1);
      s[1] += t * (t - 1) * (t - 2);
      s[2] += t * (t - 1) * (2 * t + 5);
    }
    return s;
  };
  const auto tx = sums(tie_sizes(x)), ty = sums(tie_sizes(y));
  result.kendall_b = balance / std::sqrt((pairs - tx[0] / 2) * (pairs - ty[0] / 2));
  const double variance = (n * (n - 1) * (2 * n + 5) - tx[2] - ty[2]) / 18 +
                          tx[1] * ty[1] / (9 * n * (n - 1) * (n - 2)) +
                          tx[0] * ty[0] / (2 * n * (n - 1));
  if (variance > 0) result.kendall_p = 2 * normal_cdf(-std::abs(balance) / std::sqrt(variance));
}

bool varies(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [&](double value) { return value != values[0]; });
}

}  // namespace

Correlation correlate(std::span<const double> x, std::span<const double> y, double confidence) {
  if (x.size() != y.size()) throw internal_error("a correlation of lists of unequal length");
  for (const auto values : {x, y}) {
    for (const double value : values) {
      if (!std::isfinite(value)) throw internal_error("a correlation of values that are not finite");
    }
  }
  Correlation result;
  result.n = x.size();
  if (x.size() < 3) {
    result.reason = "fewer than three pairs of values";
    return result;
  }
  if (!varies(x) || !varies(y)) {
    result.reason = "one of the two does not vary";
    return result;
  }
  result.pearson = product_moment(x, y);
  result.spearman = product_moment(midranks(x), midranks(y));
  result.pearson_p = p_by_t(*result.pearson, x.size());
  result.spearman_p = p_by_t(*result.spearman, x.size());
  if (x.size() > 3) {
    const double base = 1 / std::sqrt(static_cast<double>(x.size() - 3));
    const double rho = *result.spearman;
    result.pearson_ci = fisher_interval(*result.pearson, base, confidence);
    result.spearman_ci = fisher_interval(rho, base * std::sqrt(1 + rho * rho / 2), confidence);
  }
  add_kendall(x, y, result);
  return result;
}

}  // namespace discreet::stats
