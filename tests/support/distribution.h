#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

/// Tests of distributions with a stated false-alarm rate. Each check below raises a false alarm
/// with probability at most 1e-7 under its null hypothesis, so that ten of them stay below 1e-6.
namespace discreet::test {

/// Two-sided normal quantile of 1e-7.
inline constexpr double kSigmas = 5.327;

struct Moments {
  double count = 0, mean = 0, variance = 0, kurtosis = 0;
};

template <class T>
Moments moments_of(const std::vector<T>& values) {
  double sum = 0;
  for (const T v : values) sum += static_cast<double>(v);
  Moments m;
  m.count = static_cast<double>(values.size());
  m.mean = sum / m.count;
  double second = 0, fourth = 0;
  for (const T v : values) {
    const double d = (static_cast<double>(v) - m.mean) * (static_cast<double>(v) - m.mean);
    second += d;
    fourth += d * d;
  }
  m.variance = second / m.count;
  m.kurtosis = fourth / m.count / (m.variance * m.variance);
  return m;
}

inline double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// Kolmogorov-Smirnov distance of sorted `values` from N(0, std^2).
template <class T>
double kolmogorov_distance(const std::vector<T>& sorted, double std) {
  const double n = static_cast<double>(sorted.size());
  double distance = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double cdf = normal_cdf(static_cast<double>(sorted[i]) / std);
    distance = std::max(
        {distance, cdf - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - cdf});
  }
  return distance;
}

/// Massart's bound: P[distance > t] <= 2 exp(-2 n t^2).
inline double kolmogorov_limit(double n) { return std::sqrt(std::log(2.0 / 1e-7) / (2.0 * n)); }

/// Whether `count` is a plausible Binomial(n, p): Chernoff's bound on either side is above 1e-7
/// / 2.
inline bool plausible_count(double count, double n, double p) {
  const double f = count / n;
  if (p <= 0 || p >= 1) return f == p;
  const auto term = [](double a, double b) { return a == 0 ? 0.0 : a * std::log(a / b); };
  return n * (term(f, p) + term(1 - f, 1 - p)) <= std::log(2.0 / 1e-7);
}

/// What is wrong with `values` as draws from N(0, std^2); empty if nothing is. Moments,
/// Kolmogorov-Smirnov, and the counts beyond 3, 4, 4.5 and 5 standard deviations.
template <class T>
std::string why_not_gaussian(std::vector<T> values, double std) {
  std::string wrong;
  const auto add = [&](const std::string& what, double got, double expected) {
    wrong += what + " " + std::to_string(got) + " instead of " + std::to_string(expected) + "; ";
  };
  const Moments m = moments_of(values);
  if (std::abs(m.mean) > kSigmas * std / std::sqrt(m.count)) add("mean", m.mean, 0);
  const double ratio = m.variance / (std * std);
  if (std::abs(ratio - 1) > kSigmas * std::sqrt(2 / m.count)) add("variance ratio", ratio, 1);
  if (std::abs(m.kurtosis - 3) > kSigmas * std::sqrt(24 / m.count)) add("kurtosis", m.kurtosis, 3);
  std::sort(values.begin(), values.end());
  const double distance = kolmogorov_distance(values, std);
  if (distance > kolmogorov_limit(m.count)) add("KS distance", distance, 0);
  for (const double end : {3.0, 4.0, 4.5, 5.0}) {
    const auto beyond = static_cast<double>(std::count_if(values.begin(), values.end(), [&](T v) {
      return std::abs(static_cast<double>(v)) > end * std;
    }));
    const double p = std::erfc(end / std::sqrt(2.0));
    if (!plausible_count(beyond, m.count, p)) {
      add("count beyond " + std::to_string(end) + " std:", beyond, p * m.count);
    }
  }
  return wrong;
}

/// Correlation of two equally long series, in its own standard deviations (times sqrt(n)).
template <class T>
double correlation_sigmas(const std::vector<T>& a, const std::vector<T>& b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    ab += x * y, aa += x * x, bb += y * y;
  }
  return ab / std::sqrt(aa * bb) * std::sqrt(static_cast<double>(a.size()));
}

}  // namespace discreet::test
