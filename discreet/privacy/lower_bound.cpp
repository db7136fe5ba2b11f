#include "discreet/privacy/lower_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/stats/intervals.h"

namespace discreet::privacy {
namespace {

void check_level(double delta, double alpha) {
  if (!(alpha > 0 && alpha < 0.5)) {
    throw usage_error(
        fmt::format("confidence = {}: expected a number in (0.5, 1)", 1 - alpha));
  }
  if (!(delta >= 0 && delta < 1)) {
    throw usage_error(fmt::format("delta = {}: expected a number in [0, 1)", delta));
  }
}

void check_counts(const AttackCounts& c) {
  if (c.tp + c.fn > 0 && c.fp + c.tn > 0) return;
  throw usage_error(fmt::format("{} trials with the canary and {} without: expected both",
                                c.tp + c.fn, c.fp + c.tn));
}

/// Upper end of a rate at level alpha, one-sided.
double rate_upper(std::uint64_t successes, std::uint64_t trials, double alpha) {
  return stats::clopper_pearson(successes, trials, 1 - 2 * alpha).high;
}

double log_ratio(double rate_lower, double other_upper, double delta) {
  return rate_lower > delta ? std::log((rate_lower - delta) / other_upper) : 0;
}

/// Largest value in [known, inf) at which `rejected` still holds; it holds up to some point.
template <class Rejected>
double largest_rejected(double known, Rejected rejected) {
  if (!rejected(known)) return known;
  double low = known, high = std::max(1.0, 2 * known);
  while (rejected(high) && high < 1e6) low = high, high *= 2;
  for (int i = 0; i < 100 && high - low > 1e-10 * high; ++i) {
    const double middle = (low + high) / 2;
    (rejected(middle) ? low : high) = middle;
  }
  return low;
}

void check_one_run(const OneRun& run) {
  if (run.canaries > 0 && run.guesses <= run.canaries && run.correct <= run.guesses) return;
  throw usage_error(fmt::format("{} correct of {} guesses on {} canaries: expected correct <= "
                                "guesses <= canaries, and canaries > 0",
                                run.correct, run.guesses, run.canaries));
}

void require_delta(double delta, const char* method) {
  if (delta > 0) return;
  throw usage_error(fmt::format("{}: delta = 0: expected a number in (0, 1)", method),
                    "A Gaussian mechanism has no guarantee without a delta.");
}

}  // namespace

double clopper_pearson_epsilon(const AttackCounts& c, double delta, double alpha, bool reversed) {
  check_level(delta, alpha);
  check_counts(c);
  const double fnr = rate_upper(c.fn, c.tp + c.fn, alpha / 2);
  const double fpr = rate_upper(c.fp, c.fp + c.tn, alpha / 2);
  double epsilon = log_ratio(1 - fnr, fpr, delta);
  if (reversed) epsilon = std::max(epsilon, log_ratio(1 - fpr, fnr, delta));
  return std::max(epsilon, 0.0);
}

std::string_view name(RatioMethod method) {
  switch (method) {
    case RatioMethod::kKatzLog:
      return "katz-log";
    case RatioMethod::kAdjustedLog:
      return "adjusted-log";
    case RatioMethod::kBailey:
      return "bailey";
    case RatioMethod::kInverseSinh:
      return "inverse-sinh";
  }
  throw internal_error("ratio method without a name");
}

double ratio_lower_bound(const AttackCounts& c, RatioMethod method, double alpha) {
  check_level(0, alpha);
  check_counts(c);
  if (c.tp == 0) return 0;
  const double z = -stats::normal_quantile(alpha);
  double x = static_cast<double>(c.tp), m = static_cast<double>(c.tp + c.fn);
  // Half a false positive where there is none: the true rate is not 0, and less would be claimed.
  double y = c.fp == 0 ? 0.5 : static_cast<double>(c.fp), n = static_cast<double>(c.fp + c.tn);
  if (method == RatioMethod::kAdjustedLog) x += 0.5, m += 0.5, y += c.fp == 0 ? 0 : 0.5, n += 0.5;
  const double ratio = (x / m) / (y / n);
  const double variance = std::max(0.0, 1 / x - 1 / m + 1 / y - 1 / n);
  switch (method) {
    case RatioMethod::kKatzLog:
    case RatioMethod::kAdjustedLog:
      return ratio * std::exp(-z * std::sqrt(variance));
    case RatioMethod::kInverseSinh:
      return ratio * std::exp(-2 * std::asinh(z / 2 * std::sqrt(variance)));
    case RatioMethod::kBailey: {
      const double p = 1 - x / m, q = 1 - y / n;
      const double inside = p / x + q / y - z * z * p * q / (9 * x * y);
      const double below = 1 - z * z * q / (9 * y);
      const double root = (1 - z * std::sqrt(std::max(0.0, inside)) / 3) / below;
      return below > 0 && root > 0 ? ratio * root * root * root : 0;
    }
  }
  throw internal_error("ratio method of unknown kind");
}

double gdp_mu_lower_bound(std::span<const AttackCounts> counts, double alpha) {
  check_level(0, alpha);
  double mu = 0;
  for (const AttackCounts& c : counts) {
    check_counts(c);
    const double level = alpha / (2 * static_cast<double>(counts.size()));
    const double fnr = rate_upper(c.fn, c.tp + c.fn, level);
    const double fpr = rate_upper(c.fp, c.fp + c.tn, level);
    if (fnr >= 1 || fpr >= 1) continue;  // Nothing is known of that rate.
    mu = std::max(mu, -stats::normal_quantile(fpr) - stats::normal_quantile(fnr));
  }
  return mu;
}

double gdp_epsilon_lower_bound(std::span<const AttackCounts> counts, double delta, double alpha) {
  check_level(delta, alpha);
  require_delta(delta, "gdp");
  return internal::gaussian_epsilon(gdp_mu_lower_bound(counts, alpha), delta);
}

double one_run_p_value(const OneRun& run, double epsilon, double delta) {
  check_one_run(run);
  const auto r = static_cast<double>(run.guesses);
  const double log_p = -std::log1p(std::exp(-epsilon)), log_odds = epsilon;
  const double log_rest = log_p - epsilon;
  // ln P[Bin(r, p) = k], by its ratio to the neighbour.
  const auto log_mass = [&](double k) {
    return std::lgamma(r + 1) - std::lgamma(k + 1) - std::lgamma(r - k + 1) + k * log_p +
           (r - k) * log_rest;
  };
  double beta = 0;
  double mass = log_mass(static_cast<double>(run.correct));
  for (std::uint64_t k = run.correct; k <= run.guesses; ++k) {
    const double term = std::exp(mass), kk = static_cast<double>(k);
    beta += term;
    if (kk > r * std::exp(log_p) && term < 1e-18 * beta) break;
    mass += std::log((r - kk) / (kk + 1)) + log_odds;
  }
  if (delta == 0 || run.correct == 0) return std::min(beta, 1.0);
  double alpha = 0, sum = 0;
  mass = log_mass(static_cast<double>(run.correct - 1));
  for (std::uint64_t i = 1; i <= run.correct; ++i) {
    const auto k = static_cast<double>(run.correct - i);
    sum += std::exp(mass);
    alpha = std::max(alpha, sum / static_cast<double>(i));
    mass += std::log(k / (r - k + 1)) - log_odds;
  }
  return std::min(1.0, beta + 2 * static_cast<double>(run.canaries) * delta * alpha);
}

double one_run_epsilon(const OneRun& run, double delta, double alpha, double known) {
  check_level(delta, alpha);
  check_one_run(run);
  return largest_rejected(
      known, [&](double epsilon) { return one_run_p_value(run, epsilon, delta) < alpha; });
}

double one_run_gaussian_epsilon(const OneRun& run, double delta, double alpha, double known) {
  check_level(delta, alpha);
  check_one_run(run);
  require_delta(delta, "one-run by the Gaussian curve");
  const double m = static_cast<double>(run.canaries), n = static_cast<double>(run.guesses);
  const auto rejected = [&](double epsilon) {
    const double mu = internal::gaussian_mu(epsilon, delta);
    double r = alpha * static_cast<double>(run.correct) / m;
    double h = alpha * (n - static_cast<double>(run.correct)) / m;
    for (std::uint64_t k = run.correct; k-- > 0;) {
      const double blown = r <= 0   ? 0
                           : r >= 1 ? 1
                                    : stats::normal_cdf(stats::normal_quantile(r) - mu);
      if (blown <= h) break;  // Nothing changes from here on.
      const auto i = static_cast<double>(k);
      r = std::min(1.0, r + i / (n - i) * (blown - h));
      h = blown;
    }
    return r + h > n / m;
  };
  return largest_rejected(known, rejected);
}

AttackCounts counts_at(std::span<const double> with, std::span<const double> without,
                       double threshold) {
  const auto at_least = [&](std::span<const double> scores) {
    return static_cast<std::uint64_t>(std::count_if(scores.begin(), scores.end(),
                                                    [&](double s) { return s >= threshold; }));
  };
  const std::uint64_t tp = at_least(with), fp = at_least(without);
  return {tp, with.size() - tp, fp, without.size() - fp};
}

std::vector<AttackCounts> threshold_hull(std::span<const double> with,
                                         std::span<const double> without) {
  std::vector<double> in(with.begin(), with.end()), out(without.begin(), without.end());
  std::sort(in.begin(), in.end());
  std::sort(out.begin(), out.end());
  // (false negatives, true negatives) below every distinct score, and below infinity.
  struct Point {
    std::int64_t fn, tn;
  };
  std::vector<Point> hull;
  const auto add = [&](Point next) {
    while (hull.size() > 1) {
      const Point &a = hull[hull.size() - 2], &b = hull.back();
      // b stays if the curve bends downwards there.
      if ((b.tn - a.tn) * (next.fn - b.fn) > (next.tn - b.tn) * (b.fn - a.fn)) break;
      hull.pop_back();
    }
    hull.push_back(next);
  };
  std::size_t i = 0, j = 0;
  while (i < in.size() || j < out.size()) {
    add({static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)});
    const double threshold = i == in.size()    ? out[j]
                             : j == out.size() ? in[i]
                                               : std::min(in[i], out[j]);
    while (i < in.size() && in[i] == threshold) ++i;
    while (j < out.size() && out[j] == threshold) ++j;
  }
  add({static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)});
  std::vector<AttackCounts> counts;
  for (const Point& p : hull) {
    const auto fn = static_cast<std::uint64_t>(p.fn), tn = static_cast<std::uint64_t>(p.tn);
    counts.push_back({in.size() - fn, fn, out.size() - tn, tn});
  }
  return counts;
}

}  // namespace discreet::privacy
