#include "discreet/stats/two_samples.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/ranks.h"

namespace discreet::stats {
namespace {

constexpr std::size_t kExactValues = 200, kExactUniform = 1000;

double log_choose(std::uint64_t n, std::uint64_t k) {
  const auto a = static_cast<double>(n), b = static_cast<double>(k);
  return std::lgamma(a + 1) - std::lgamma(b + 1) - std::lgamma(a - b + 1);
}

/// The chance of each sum of `chosen` of the (doubled) ranks, all choices alike.
std::vector<double> rank_sums(const std::vector<std::size_t>& ranks, std::size_t chosen) {
  std::size_t total = 0;
  for (const std::size_t rank : ranks) total += rank;
  std::vector<std::vector<double>> ways(chosen + 1, std::vector<double>(total + 1, 0.0));
  ways[0][0] = 1;
  // As probabilities: after i of N items, the j-th is taken with chance (chosen - j) / (N - i).
  std::size_t reached = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const double left = static_cast<double>(ranks.size() - i);
    for (std::size_t j = std::min(chosen, i + 1); j-- > 0;) {
      const double take = static_cast<double>(chosen - j) / left;
      for (std::size_t sum = 0; sum <= reached; ++sum) {
        const double mass = ways[j][sum];
        if (mass == 0) continue;
        ways[j + 1][sum + ranks[i]] += mass * take;
        ways[j][sum] = mass * (1 - take);
      }
    }
    reached += ranks[i];
  }
  return ways[chosen];
}

using Matrix = std::vector<double>;

Matrix product(const Matrix& a, const Matrix& b, std::size_t m) {
  Matrix c(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t k = 0; k < m; ++k) {
      for (std::size_t j = 0; j < m; ++j) c[i * m + j] += a[i * m + k] * b[k * m + j];
    }
  }
  return c;
}

/// P(D_n < d) by the power of a matrix, scaled so that nothing overflows.
double kolmogorov_cdf(std::size_t n, double d) {
  const double nd = static_cast<double>(n) * d;
  const auto k = static_cast<std::size_t>(nd) + 1;
  const std::size_t m = 2 * k - 1;
  const double h = static_cast<double>(k) - nd;
  Matrix H(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) H[i * m + j] = i + 1 >= j ? 1 : 0;
  }
  for (std::size_t i = 0; i < m; ++i) {
    H[i * m] -= std::pow(h, static_cast<double>(i + 1));
    H[(m - 1) * m + i] -= std::pow(h, static_cast<double>(m - i));
  }
  H[(m - 1) * m] += 2 * h - 1 > 0 ? std::pow(2 * h - 1, static_cast<double>(m)) : 0;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      for (std::size_t g = 1; g <= i - j + 1; ++g) H[i * m + j] /= static_cast<double>(g);
    }
  }
  Matrix power(m * m, 0.0);
  for (std::size_t i = 0; i < m; ++i) power[i * m + i] = 1;
  double scale = 0, square_scale = 0;  // ln
  Matrix square = H;
  const auto rescale = [&](Matrix& matrix, double& ln) {
    const double middle = matrix[(k - 1) * m + k - 1];
    if (middle < 1e140 && middle > 1e-140) return;
    for (double& value : matrix) value /= middle;
    ln += std::log(middle);
  };
  for (std::size_t left = n; left > 0; left /= 2) {
    if (left % 2 == 1) {
      power = product(power, square, m);
      scale += square_scale;
      rescale(power, scale);
    }
    square = product(square, square, m);
    square_scale *= 2;
    rescale(square, square_scale);
  }
  double ln = std::log(power[(k - 1) * m + k - 1]) + scale;
  ln += std::lgamma(static_cast<double>(n) + 1) -
        static_cast<double>(n) * std::log(static_cast<double>(n));
  return std::min(1.0, std::exp(ln));
}

/// The limit, with the small-sample correction of Stephens 1970.
double kolmogorov_limit(std::size_t n, double d) {
  const double root = std::sqrt(static_cast<double>(n));
  const double x = (root + 0.12 + 0.11 / root) * d;
  double p = 0;
  for (int j = 1; j <= 100; ++j) p += (j % 2 == 1 ? 2 : -2) * std::exp(-2.0 * j * j * x * x);
  return std::clamp(p, 0.0, 1.0);
}

}  // namespace

FisherExact fisher_exact(std::uint64_t successes1, std::uint64_t trials1, std::uint64_t successes2,
                         std::uint64_t trials2) {
  if (successes1 > trials1 || successes2 > trials2) throw internal_error("more successes than trials");
  FisherExact result;
  if (trials1 == 0 || trials2 == 0) return result;
  const std::uint64_t all = successes1 + successes2;
  const std::uint64_t first = all > trials2 ? all - trials2 : 0, last = std::min(all, trials1);
  const auto chance = [&](std::uint64_t k) {
    return std::exp(log_choose(trials1, k) + log_choose(trials2, all - k) - log_choose(trials1 + trials2, all));
  };
  const double here = chance(successes1);
  result = {0, 0, 0};
  for (std::uint64_t k = first; k <= last; ++k) {
    const double p = chance(k);
    if (k <= successes1) result.less += p;
    if (k >= successes1) result.greater += p;
    if (p <= here * (1 + 1e-7)) result.two_sided += p;
  }
  result.less = std::min(1.0, result.less);
  result.greater = std::min(1.0, result.greater);
  result.two_sided = std::min(1.0, result.two_sided);
  return result;
}

MannWhitney mann_whitney(std::span<const double> side1, std::span<const double> side2) {
  if (side1.empty() || side2.empty()) throw internal_error("a comparison with an empty side");
  std::vector<double> all(side1.begin(), side1.end());
  all.insert(all.end(), side2.begin(), side2.end());
  for (const double value : all) {
    if (std::isnan(value)) throw internal_error("a comparison of values that are not numbers");
  }
  const std::vector<double> ranks = midranks(all);
  const auto n1 = static_cast<double>(side1.size()), n2 = static_cast<double>(side2.size());
  double sum = 0;
  for (std::size_t i = 0; i < side1.size(); ++i) sum += ranks[i];
  MannWhitney result;
  result.statistic = sum - n1 * (n1 + 1) / 2;
  if (all.size() <= kExactValues) {
    std::vector<std::size_t> doubled;
    for (const double rank : ranks) doubled.push_back(static_cast<std::size_t>(2 * rank + 0.5));
    const std::vector<double> chance = rank_sums(doubled, side1.size());
    const auto seen = static_cast<std::size_t>(2 * sum + 0.5);
    result.less = result.greater = 0;
    for (std::size_t s = 0; s < chance.size(); ++s) {
      if (s <= seen) result.less += chance[s];
      if (s >= seen) result.greater += chance[s];
    }
  } else {
    result.exact = false;
    std::vector<double> sorted = all;
    std::sort(sorted.begin(), sorted.end());
    double ties = 0;
    for (std::size_t i = 0, j = 0; i < sorted.size(); i = j) {
      while (j < sorted.size() && sorted[j] == sorted[i]) ++j;
      const auto t = static_cast<double>(j - i);
      ties += t * t * t - t;
    }
    const double n = n1 + n2;
    const double deviation = std::sqrt(n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1))));
    const double from_mean = result.statistic - n1 * n2 / 2;
    if (deviation > 0) {
      result.less = normal_cdf((from_mean + 0.5) / deviation);
      result.greater = normal_cdf(-(from_mean - 0.5) / deviation);
    }
  }
  result.less = std::min(1.0, result.less);
  result.greater = std::min(1.0, result.greater);
  result.two_sided = std::min(1.0, 2 * std::min(result.less, result.greater));
  return result;
}

Uniformity uniformity(std::span<const double> values) {
  if (values.empty()) throw internal_error("a test of uniformity without values");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  if (!(sorted.front() >= 0 && sorted.back() <= 1)) throw internal_error("a value outside [0, 1]");
  const auto n = static_cast<double>(sorted.size());
  Uniformity result;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    result.statistic = std::max({result.statistic, (static_cast<double>(i) + 1) / n - sorted[i],
                                 sorted[i] - static_cast<double>(i) / n});
  }
  result.p_value = sorted.size() <= kExactUniform && n * result.statistic < 60
                       ? 1 - kolmogorov_cdf(sorted.size(), result.statistic)
                       : kolmogorov_limit(sorted.size(), result.statistic);
  result.p_value = std::clamp(result.p_value, 0.0, 1.0);
  return result;
}

}  // namespace discreet::stats
