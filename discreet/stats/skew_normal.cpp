#include "discreet/stats/skew_normal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "discreet/core/error.h"
#include "discreet/stats/attack.h"

namespace discreet::stats {
namespace {

constexpr double kLargestShape = 100;
constexpr double kNegligible = 60;  // nats below the largest density that counts

/// ln density of the standard form.
double standard_log_density(double z, double shape) {
  return std::numbers::ln2 - z * z / 2 - std::log(2 * std::numbers::pi) / 2 + log_normal_cdf(shape * z);
}

using Point = std::array<double, 3>;  // location, ln scale, shape

SkewNormal from_point(const Point& p) {
  return {p[0], std::exp(p[1]), std::clamp(p[2], -kLargestShape, kLargestShape)};
}

double mean_surprise(std::span<const double> values, const Point& p) {
  const SkewNormal distribution = from_point(p);
  double sum = 0;
  for (const double x : values) sum -= log_density(distribution, x);
  // Beyond the bound the likelihood no longer changes: a slope back keeps the simplex inside.
  const double beyond = std::max(0.0, std::abs(p[2]) - kLargestShape);
  return sum / static_cast<double>(values.size()) + beyond;
}

/// Moments of the sample, with a skewness that the family can have (below .995).
Point moments_estimate(std::span<const double> values) {
  const double n = static_cast<double>(values.size());
  double mean = 0, second = 0, third = 0;
  for (const double x : values) mean += x / n;
  for (const double x : values) {
    second += (x - mean) * (x - mean) / n;
    third += (x - mean) * (x - mean) * (x - mean) / n;
  }
  if (!(second > 0)) throw internal_error("a skew-normal fit of values that do not vary");
  const double skewness = std::clamp(third / std::pow(second, 1.5), -0.95, 0.95);
  const double part = std::pow(std::abs(skewness), 2.0 / 3);
  const double share = std::pow((4 - std::numbers::pi) / 2, 2.0 / 3);
  const double delta =
      std::copysign(std::sqrt(std::numbers::pi / 2 * part / (part + share)), skewness);
  const double scale = std::sqrt(second / (1 - 2 * delta * delta / std::numbers::pi));
  return {mean - scale * delta * std::sqrt(2 / std::numbers::pi), std::log(scale),
          delta / std::sqrt(std::max(1e-4, 1 - delta * delta))};
}

struct Corner {
  Point point;
  double value;
};

Point blend(const Point& a, const Point& b, double t) {
  Point mixed;
  for (std::size_t i = 0; i < 3; ++i) mixed[i] = a[i] + t * (b[i] - a[i]);
  return mixed;
}

/// Nelder and Mead 1965 with their coefficients.
template <class Function>
Corner minimise(const Function& f, const Point& start, const Point& steps) {
  std::array<Corner, 4> simplex;
  simplex[0] = {start, f(start)};
  for (std::size_t i = 0; i < 3; ++i) {
    Point p = start;
    p[i] += steps[i];
    simplex[i + 1] = {p, f(p)};
  }
  for (int iteration = 0; iteration < 2000; ++iteration) {
    std::sort(simplex.begin(), simplex.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    double spread = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      spread = std::max(spread, std::abs(simplex[3].point[i] - simplex[0].point[i]) / steps[i]);
    }
    if (simplex[3].value - simplex[0].value < 1e-13 && spread < 1e-6) break;
    Point centre{};
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t i = 0; i < 3; ++i) centre[i] += simplex[c].point[i] / 3;
    }
    const auto along = [&](double t) {
      const Point p = blend(centre, simplex[3].point, t);
      return Corner{p, f(p)};
    };
    const Corner reflected = along(-1);
    if (reflected.value < simplex[0].value) {
      const Corner expanded = along(-2);
      simplex[3] = expanded.value < reflected.value ? expanded : reflected;
    } else if (reflected.value < simplex[2].value) {
      simplex[3] = reflected;
    } else {
      const Corner contracted = along(reflected.value < simplex[3].value ? -0.5 : 0.5);
      if (contracted.value < std::min(reflected.value, simplex[3].value)) {
        simplex[3] = contracted;
      } else {
        for (std::size_t c = 1; c < 4; ++c) {
          simplex[c].point = blend(simplex[0].point, simplex[c].point, 0.5);
          simplex[c].value = f(simplex[c].point);
        }
      }
    }
  }
  return *std::min_element(simplex.begin(), simplex.end(),
                           [](const auto& a, const auto& b) { return a.value < b.value; });
}

}  // namespace

double log_density(const SkewNormal& d, double x) {
  return standard_log_density((x - d.location) / d.scale, d.shape) - std::log(d.scale);
}

double log_cdf(const SkewNormal& d, double x) {
  const double z = (x - d.location) / d.scale;
  const double a = d.shape;
  // The density is log-concave: its mode lies between 0 and sign(a); left of z it is largest at z or
  // at the mode.
  double low = std::min(0.0, a), high = std::max(0.0, a);
  low = std::max(low, -1.0);
  high = std::min(high, 1.0);
  for (int i = 0; i < 200; ++i) {
    const double left = low + (high - low) / 3, right = high - (high - low) / 3;
    (standard_log_density(left, a) < standard_log_density(right, a) ? low : high) =
        standard_log_density(left, a) < standard_log_density(right, a) ? left : right;
  }
  const double peak = std::min(z, (low + high) / 2);
  const double largest = standard_log_density(peak, a);
  // From where it is negligible: doubling steps, then bisection.
  double step = 1e-3;
  while (standard_log_density(peak - step, a) > largest - kNegligible) step *= 2;
  const double begin = peak - step;
  const double end = std::min(z, peak + 40);
  constexpr std::array<double, 4> kNodes = {0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                            0.9602898564975363};
  constexpr std::array<double, 4> kWeights = {0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                              0.1012285362903763};
  constexpr int kPanels = 48;
  // Panels shrink towards the peak, where a steep tail turns.
  const auto part = [&](double from, double to, bool finer_at_end) {
    double total = 0;
    for (int i = 0; i < kPanels; ++i) {
      const auto place = [&](double t) {
        const double u = finer_at_end ? 1 - (1 - t) * (1 - t) : t * t;
        return from + (to - from) * u;
      };
      const double p = place(static_cast<double>(i) / kPanels), q = place((i + 1.0) / kPanels);
      const double middle = (p + q) / 2, half = (q - p) / 2;
      for (std::size_t k = 0; k < 4; ++k) {
        for (const double sign : {-1.0, 1.0}) {
          total += half * kWeights[k] *
                   std::exp(standard_log_density(middle + sign * half * kNodes[k], a) - largest);
        }
      }
    }
    return total;
  };
  const double area = part(begin, peak, true) + (end > peak ? part(peak, end, false) : 0);
  return std::min(0.0, largest + std::log(area));
}

SkewNormal fit_skew_normal(std::span<const double> values) {
  if (values.size() < 3) throw internal_error("a skew-normal fit of fewer than three values");
  for (const double x : values) {
    if (!std::isfinite(x)) throw internal_error("a skew-normal fit of a value that is not finite");
  }
  const Point start = moments_estimate(values);
  const auto f = [&](const Point& p) { return mean_surprise(values, p); };
  const double scale = std::exp(start[1]);
  Corner best = minimise(f, start, {scale / 4, 0.25, std::max(0.5, std::abs(start[2]) / 4)});
  // A second simplex around what the first found: the first may have collapsed.
  best = minimise(f, best.point, {scale / 10, 0.1, 0.5});
  return from_point(best.point);
}

}  // namespace discreet::stats
