#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "discreet/core/error.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/internal/rdp.h"

namespace discreet::privacy::internal {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
/// Orders up to this one use the tighter terms of the bound without replacement.
constexpr int kTightOrder = 64;

double log_binomial(int n, int k) {
  return std::lgamma(n + 1.0) - std::lgamma(k + 1.0) - std::lgamma(n - k + 1.0);
}

/// ln E[(e^L - 1)^l] for even l <= kTightOrder, at index l/2; L the loss of one Gaussian. Trapezoidal
/// rule: at a quarter of s the aliases lie 25 s off the real line, where the Gaussian is exp(-315).
std::vector<double> log_central_moments(double s) {
  const double h = s / 4;
  std::vector<double> moments(kTightOrder / 2 + 1, kNever);
  if ((kTightOrder + 20 * s) / h > 20000) return moments;
  std::vector<double> log_weight, log_distance;
  for (double x = -10 * s; x < kTightOrder + 10 * s; x += h) {
    const double t = (2 * x - 1) / (2 * s * s);
    const double distance = t > 600 ? t : std::log(std::abs(std::expm1(t)));
    if (std::isinf(distance)) continue;  // The loss is 0 here.
    log_weight.push_back(std::log(h / (s * std::sqrt(2 * std::numbers::pi))) - x * x / (2 * s * s));
    log_distance.push_back(distance);
  }
  for (int l = 2; l <= kTightOrder; l += 2) {
    double highest = -kNever, sum = 0;
    for (std::size_t i = 0; i < log_weight.size(); ++i) {
      highest = std::max(highest, log_weight[i] + l * log_distance[i]);
    }
    for (std::size_t i = 0; i < log_weight.size(); ++i) {
      sum += std::exp(log_weight[i] + l * log_distance[i] - highest);
    }
    moments[static_cast<std::size_t>(l) / 2] = highest + std::log(sum);
  }
  return moments;
}

/// ln of the bound on A_a for a whole order. Ref: Wang, Balle and Kasiviswanathan 2019, Theorem 27
/// up to kTightOrder, Theorem 9 beyond.
double log_a_without_replacement(double q, double s, int a, const std::vector<double>& moments) {
  const auto cgf = [&](double x) { return x * (x + 1) / (2 * s * s); };
  const double second = 1 / (s * s);  // The Renyi divergence of order 2.
  double sum = 0;
  for (int j = 2; j <= a; ++j) {
    double term = std::numbers::ln2 + cgf(j - 1);
    if (j == 2) {
      const double log_expm1 = second > 40 ? second : std::log(std::expm1(second));
      term = std::min(term, 2 * std::numbers::ln2 + log_expm1);
    } else if (a <= kTightOrder) {
      const auto low = static_cast<std::size_t>(j / 2), high = static_cast<std::size_t>((j + 1) / 2);
      term = std::min(term, 2 * std::numbers::ln2 + (moments[low] + moments[high]) / 2);
    }
    sum = log_add(sum, j * std::log(q) + log_binomial(a, j) + term);
  }
  return sum;
}

}  // namespace

// mean = (1/g - 1)/ln(1/g) for shape 0, else shape (1 - g)/(g (1 - g^shape)).
double selection_gamma(double shape, double mean) {
  if (mean == 1) return 1;
  if (shape == 1) return 1 / mean;
  // In t = ln(1/g), where the mean rises from 1.
  const auto mean_at = [&](double t) {
    return shape == 0 ? std::expm1(t) / t : shape * std::expm1(t) / -std::expm1(-shape * t);
  };
  double low = 0, high = 1;
  while (mean_at(high) < mean) high *= 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (mean_at(middle) < mean ? low : high) = middle;
  }
  return std::exp(-high);  // A smaller g has a larger mean: the safe side.
}

double laplace_rdp(double scale, double a) {
  const double e = 1 / scale;
  // Mironov 2017, Proposition 6, without cancellation for small e or orders near 1.
  return e + std::log1p((a - 1) * std::expm1(e * (1 - 2 * a)) / (2 * a - 1)) / (a - 1);
}

double pure_rdp(double epsilon, double a) {
  // Randomised response has the largest divergence: p = e/(1 + e) against 1 - p.
  const double log_p = -std::log1p(std::exp(-epsilon)), log_rest = log_p - epsilon;
  const double log_a = log_add(a * log_p + (1 - a) * log_rest, a * log_rest + (1 - a) * log_p);
  return std::clamp(log_a / (a - 1), 0.0, epsilon);
}

std::vector<double> without_replacement_rdp(double q, double s, const std::vector<double>& orders) {
  const auto moments = log_central_moments(s);
  std::vector<double> rdp;
  for (const double a : orders) {
    const int below = static_cast<int>(a);
    double log_a = below == 1 ? 0 : log_a_without_replacement(q, s, below, moments);
    if (a != below) {  // ln A is convex in the order: the chord bounds it from above.
      const double above = log_a_without_replacement(q, s, below + 1, moments);
      log_a += (a - below) * (above - log_a);
    }
    rdp.push_back(std::min(log_a / (a - 1), a / (2 * s * s)));
  }
  return rdp;
}

std::vector<double> selection_rdp(const RunCount& runs, const FlatEvent& one,
                                  const std::vector<double>& orders) {
  const std::vector<double>& grid = rdp_orders();
  const std::vector<double> on_grid = rdp_of(one, grid), here = rdp_of(one, orders);
  std::vector<double> rdp;
  if (std::isinf(runs.shape)) {
    for (std::size_t i = 0; i < orders.size(); ++i) {
      const double a = orders[i];
      const double failure = rdp_delta(grid, on_grid, std::log1p(1 / (a - 1))).value;
      rdp.push_back(here[i] + runs.mean * failure + std::log(runs.mean) / (a - 1));
    }
    return rdp;
  }
  const double log_inverse = -std::log(selection_gamma(runs.shape, runs.mean));
  double best = kNever;
  for (std::size_t i = 0; i < grid.size(); ++i) {
    best = std::min(best, (1 - 1 / grid[i]) * on_grid[i] + log_inverse / grid[i]);
  }
  const double constant = (1 + runs.shape) * best;
  const auto at = [&](double a, double value) {
    return value + constant + std::log(runs.mean) / (a - 1);
  };
  for (std::size_t i = 0; i < orders.size(); ++i) {
    // Divergences rise with the order: a larger order bounds a smaller one.
    double value = at(orders[i], here[i]);
    for (std::size_t j = 0; j < grid.size(); ++j) {
      if (grid[j] >= orders[i]) value = std::min(value, at(grid[j], on_grid[j]));
    }
    rdp.push_back(value);
  }
  return rdp;
}

std::vector<double> rdp_of(const FlatEvent& flat, const std::vector<double>& orders) {
  std::vector<double> sum = rdp_of(flat.phases, orders);
  for (const OtherStep& other : flat.others) {
    const Event& event = other.event;
    std::vector<double> one;
    switch (event.kind()) {
      case Event::Kind::kLaplace:
        for (const double a : orders) one.push_back(laplace_rdp(event.noise_multiplier(), a));
        break;
      case Event::Kind::kPureDp:
        for (const double a : orders) one.push_back(pure_rdp(event.epsilon(), a));
        break;
      case Event::Kind::kSampledWithoutReplacement:
        one = without_replacement_rdp(
            static_cast<double>(event.batch()) / static_cast<double>(event.units()),
            event.children()[0].noise_multiplier(), orders);
        break;
      case Event::Kind::kRepeatAndSelect:
        one = selection_rdp(event.runs(), flatten(event.children()[0]), orders);
        break;
      default:
        throw internal_error("no Renyi divergence for this event");
    }
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(other.times) * one[i];
  }
  return sum;
}

}  // namespace discreet::privacy::internal
