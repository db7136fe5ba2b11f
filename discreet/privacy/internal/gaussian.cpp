#include "discreet/privacy/internal/gaussian.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace discreet::privacy::internal {

double log_erfc(double x) {
  if (x < 25) return std::log(std::erfc(x));
  // Asymptotic series; at x = 25 the next term is below 1e-13 of the sum.
  const double y = 1.0 / (2 * x * x);
  const double series = 1 - y * (1 - 3 * y * (1 - 5 * y * (1 - 7 * y)));
  return -x * x - std::log(x) - 0.5 * std::log(std::numbers::pi) + std::log(series);
}

double log_normal_cdf(double x) {
  if (x > 0) return std::log1p(-0.5 * std::erfc(x / std::numbers::sqrt2));
  return log_erfc(-x / std::numbers::sqrt2) - std::numbers::ln2;
}

double log_add(double a, double b) {
  const double high = std::max(a, b), low = std::min(a, b);
  if (std::isinf(low) && low < 0) return high;
  return high + std::log1p(std::exp(low - high));
}

double log_subtract(double a, double b) {
  if (std::isinf(b) && b < 0) return a;
  if (b >= a) return -std::numeric_limits<double>::infinity();
  return a + std::log(-std::expm1(b - a));
}

double sampled_loss(double q, double t) {
  if (q == 1) return t;
  if (t > 600) return std::log(q) + t;
  if (q < 0.5 || t > -0.5) return std::log1p(q * std::expm1(t));
  return std::log((1 - q) + q * std::exp(t));
}

double log_sampled_excess(double q, double e) {
  if (q == 1) return e;
  if (e > 30) return e + std::log1p((q - 1) * std::exp(-e));
  const double low = std::log1p(-q);
  if (e <= low) return -std::numeric_limits<double>::infinity();
  if (q < 0.5 || e > -0.5) return std::log(std::expm1(e) + q);
  return low + std::log(std::expm1(e - low));
}

double gaussian_delta(double mu, double epsilon) {
  if (mu == 0) return 0;
  if (std::isinf(mu)) return 1;
  if (std::isinf(epsilon)) return 0;
  const double first = log_normal_cdf(mu / 2 - epsilon / mu);
  const double second = epsilon + log_normal_cdf(-mu / 2 - epsilon / mu);
  return std::clamp(std::exp(log_subtract(first, second)), 0.0, 1.0);
}

double gaussian_epsilon(double mu, double delta) {
  if (mu == 0 || gaussian_delta(mu, 0) <= delta) return 0;
  if (std::isinf(mu) || delta <= 0) return std::numeric_limits<double>::infinity();
  double low = 0, high = 1;
  while (gaussian_delta(mu, high) > delta) {
    low = high;
    high *= 2;
    if (std::isinf(high)) return high;
  }
  for (int i = 0; i < 200 && high - low > 1e-14 * high; ++i) {
    const double middle = low + (high - low) / 2;
    (gaussian_delta(mu, middle) > delta ? low : high) = middle;
  }
  return high;
}

double gaussian_mu(double epsilon, double delta) {
  double low = 0, high = 1;
  while (gaussian_delta(high, epsilon) < delta) low = high, high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-14 * high; ++i) {
    const double middle = low + (high - low) / 2;
    (gaussian_delta(middle, epsilon) > delta ? high : low) = middle;
  }
  return low;
}

}  // namespace discreet::privacy::internal
