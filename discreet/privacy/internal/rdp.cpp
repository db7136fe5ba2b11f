#include "discreet/privacy/internal/rdp.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "discreet/privacy/internal/gaussian.h"

namespace discreet::privacy::internal {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
/// Where the error of the trapezoidal rule must lie: exp(-40).
constexpr double kDigits = 40;
/// Beyond this many points (noise far below 0.1, or orders in the thousands) fractional orders are
/// bounded by their neighbours instead.
constexpr double kMostPoints = 1 << 14;

/// ln(A) with A - 1 = sum over i >= 2 of binom(a, i) q^i (1 - q)^(a - i) (exp((i^2 - i)/(2 s^2)) -
/// 1), all terms positive.
double log_a_integer(double q, double s, int a) {
  const double log_q = std::log(q), log_1q = std::log1p(-q);
  double log_binomial = 0, excess = -kInf, highest = -kInf;
  std::vector<double> terms;
  terms.reserve(static_cast<std::size_t>(a));
  for (int i = 1; i <= a; ++i) {
    log_binomial += std::log(static_cast<double>(a - i + 1) / i);
    if (i < 2) continue;
    const double c = static_cast<double>(i) * (i - 1) / (2 * s * s);
    const double log_expm1 = c > 40 ? c : std::log(std::expm1(c));
    terms.push_back(log_binomial + i * log_q + (a - i) * log_1q + log_expm1);
    highest = std::max(highest, terms.back());
  }
  double sum = 0;
  for (const double term : terms) sum += std::exp(term - highest);
  excess = highest + std::log(sum);
  return log_add(0, excess);
}

/// The grid of the trapezoidal rule and, on it, what does not depend on the order.
struct Quadrature {
  std::vector<double> log_weight;  ///< ln of step times density.
  std::vector<double> log_ratio;   ///< ln(1 + w), w = q (exp((2x - 1) / (2 s^2)) - 1).
  std::vector<double> w;
};

/// Empty if it would be too large.
Quadrature make_quadrature(double q, double s, double highest_order) {
  constexpr double pi = std::numbers::pi;
  const double h = quadrature_step(s);
  const double reach = s * std::sqrt(2 * kDigits) + 2 * h;
  Quadrature grid;
  if ((highest_order + 2 * reach) / h > kMostPoints) return grid;
  const auto first = static_cast<long>(std::floor(-reach / h));
  const auto last = static_cast<long>(std::ceil((highest_order + reach) / h));
  for (long k = first; k <= last; ++k) {
    const double x = static_cast<double>(k) * h;
    const double t = (2 * x - 1) / (2 * s * s);
    const double log_w = std::log(h / (s * std::sqrt(2 * pi))) - x * x / (2 * s * s);
    grid.log_weight.push_back(log_w);
    grid.w.push_back(t < 600 ? q * std::expm1(t) : kInf);
    grid.log_ratio.push_back(sampled_loss(q, t));
  }
  return grid;
}

/// (1 + w)^a - 1 - a w >= 0: without cancellation for small w. As E[w] = 0, its mean is A - 1.
double excess_power(double a, double w, double log_ratio) {
  if (std::abs(w) * a > 1e-2) return std::expm1(a * log_ratio) - a * w;
  double term = 0.5 * a * (a - 1) * w * w, sum = term;
  for (int k = 3; k < 12; ++k) {
    term *= (a - k + 1) / k * w;
    sum += term;
  }
  return sum;
}

double log_a_fractional(const Quadrature& grid, double a) {
  double highest = -kInf;
  for (std::size_t i = 0; i < grid.w.size(); ++i) {
    highest = std::max(highest, grid.log_weight[i] + a * grid.log_ratio[i]);
  }
  double sum = 0;
  if (highest > 100) {  // A is so large that A - 1 - a E[w] is A.
    for (std::size_t i = 0; i < grid.w.size(); ++i) {
      sum += std::exp(grid.log_weight[i] + a * grid.log_ratio[i] - highest);
    }
    return highest + std::log(sum);
  }
  for (std::size_t i = 0; i < grid.w.size(); ++i) {
    // Far out the power may overflow although weight times power does not.
    const double exponent = grid.log_weight[i] + a * grid.log_ratio[i];
    sum += a * grid.log_ratio[i] > 600
               ? std::exp(exponent)
               : std::exp(grid.log_weight[i]) * excess_power(a, grid.w[i], grid.log_ratio[i]);
  }
  return std::log1p(sum);
}

/// ln A is convex in the order and 0 at order 1: the chord between whole orders bounds it from
/// above.
double log_a_chord(double q, double s, double a) {
  const int below = static_cast<int>(a);
  const double low = below == 1 ? 0 : log_a_integer(q, s, below);
  return low + (a - below) * (log_a_integer(q, s, below + 1) - low);
}

}  // namespace

double quadrature_step(double s) {
  // The integrand is analytic up to the zeros of the mixture at Im x = pi s^2, and a Gaussian grows
  // like exp(y^2 / (2 s^2)) off the real line: error <= exp(-2 pi d / h + d^2 / (2 s^2)) for d up to
  // there; without the zeros d = 2 pi s^2 / h would be best.
  constexpr double pi = std::numbers::pi;
  const double by_gaussian = s * pi * std::sqrt(2 / kDigits);
  return by_gaussian >= 2 ? by_gaussian : 2 * pi * pi * s * s / (kDigits + pi * pi * s * s / 2);
}

const std::vector<double>& rdp_orders() {
  static const std::vector<double> orders = [] {
    std::vector<double> grid;
    for (int x = 1; x < 100; ++x) grid.push_back(1 + x / 10.0);
    for (int a = 12; a < 64; ++a) grid.push_back(a);
    for (const int a : {128, 256, 512, 1024}) grid.push_back(a);
    return grid;
  }();
  return orders;
}

std::vector<double> sampled_gaussian_rdp(double q, double s, const std::vector<double>& orders) {
  std::vector<double> rdp(orders.size(), 0.0);
  if (q == 0 || orders.empty()) return rdp;
  if (s == 0) return std::vector<double>(orders.size(), kInf);
  Quadrature grid;
  double highest_fractional = 0;
  for (const double a : orders) {
    if (a != std::floor(a)) highest_fractional = std::max(highest_fractional, a);
  }
  if (q < 1 && highest_fractional > 0) grid = make_quadrature(q, s, highest_fractional);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const double a = orders[i];
    if (q == 1) {
      rdp[i] = a / (2 * s * s);
    } else if (a == std::floor(a)) {
      rdp[i] = log_a_integer(q, s, static_cast<int>(a)) / (a - 1);
    } else if (grid.w.empty()) {
      rdp[i] = log_a_chord(q, s, a) / (a - 1);
    } else {
      rdp[i] = log_a_fractional(grid, a) / (a - 1);
    }
  }
  return rdp;
}

std::vector<double> rdp_of(const std::vector<Phase>& phases, const std::vector<double>& orders) {
  std::vector<double> sum(orders.size(), 0.0);
  for (const Phase& phase : phases) {
    const auto one = sampled_gaussian_rdp(phase.sampling_rate, phase.noise_multiplier, orders);
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] += static_cast<double>(phase.steps) * one[i];
  }
  return sum;
}

RdpMinimum rdp_epsilon(const std::vector<double>& orders, const std::vector<double>& rdp,
                       double delta) {
  RdpMinimum best{kInf, 0};
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const double a = orders[i];
    const double value = rdp[i] - (std::log(delta) + std::log(a)) / (a - 1) + std::log1p(-1 / a);
    if (value < best.value) best = {value, i};
  }
  best.value = std::max(best.value, 0.0);
  return best;
}

RdpMinimum rdp_delta(const std::vector<double>& orders, const std::vector<double>& rdp,
                     double epsilon) {
  RdpMinimum best{0, 0};
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const double a = orders[i];
    const double log_delta = (a - 1) * (rdp[i] - epsilon + std::log1p(-1 / a)) - std::log(a);
    if (log_delta < best.value) best = {log_delta, i};
  }
  best.value = std::exp(best.value);
  return best;
}

}  // namespace discreet::privacy::internal
