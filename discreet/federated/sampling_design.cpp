#include "discreet/federated/sampling_design.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

constexpr std::size_t kMostEnumerated = 16;
constexpr std::size_t kMostExactRace = 200;

std::vector<double> as_shares(std::span<const double> weights) {
  double sum = 0;
  for (const double weight : weights) {
    if (!(weight >= 0) || std::isinf(weight)) {
      throw usage_error(fmt::format("a selection weight of {}", weight),
                        "Weights must be finite and at least 0.");
    }
    sum += weight;
  }
  std::vector<double> shares(weights.begin(), weights.end());
  if (sum > 0) {
    for (double& share : shares) share /= sum;
  }
  return shares;
}

/// P(the first |S| drawn are the set S) for every S, by which of S came last.
std::vector<double> enumerate_inclusion(const std::vector<double>& p, std::int64_t cohort) {
  const std::size_t n = p.size();
  std::vector<double> chance(std::size_t{1} << n, 0.0), mass(std::size_t{1} << n, 0.0);
  std::vector<double> inclusion(n, 0.0);
  chance[0] = 1;
  for (std::size_t set = 1; set < chance.size(); ++set) {
    const auto size = __builtin_popcountll(set);
    if (size > cohort) continue;
    const auto lowest = static_cast<std::size_t>(__builtin_ctzll(set));
    mass[set] = mass[set & (set - 1)] + p[lowest];
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t bit = std::size_t{1} << k;
      if (!(set & bit)) continue;
      const double before = chance[set ^ bit];
      if (before > 0) chance[set] += before * p[k] / (1 - mass[set ^ bit]);
    }
    if (size != cohort) continue;
    for (std::size_t k = 0; k < n; ++k) {
      if (set >> k & 1) inclusion[k] += chance[set];
    }
  }
  return inclusion;
}

/// The time at which `cohort` clocks are expected to have rung.
double typical_time(const std::vector<double>& p, std::int64_t cohort) {
  double low = 0, high = 1;
  const auto rung = [&](double x) {
    double sum = 0;
    for (const double rate : p) sum += -std::expm1(-rate * x);
    return sum;
  };
  while (rung(high) < static_cast<double>(cohort) && high < 1e300) high *= 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    (rung(middle) < static_cast<double>(cohort) ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// P(fewer than `cohort` of the clocks but `left_out` rang before x), exactly.
double fewer_rang_exact(const std::vector<double>& p, std::size_t left_out, std::int64_t cohort,
                        double x) {
  std::vector<double> count(static_cast<std::size_t>(cohort), 0.0);
  count[0] = 1;
  std::size_t seen = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    if (k == left_out) continue;
    const double rang = -std::expm1(-p[k] * x);
    const std::size_t top = std::min(count.size() - 1, ++seen);
    for (std::size_t j = top; j > 0; --j) count[j] += rang * (count[j - 1] - count[j]);
    count[0] -= rang * count[0];
  }
  return std::accumulate(count.begin(), count.end(), 0.0);
}

/// Sums over all clocks at one time, from which one clock is taken out.
struct RaceMoments {
  double mean = 0, variance = 0, third = 0;
  void add(double q, double sign) {
    mean += sign * q;
    variance += sign * q * (1 - q);
    third += sign * q * (1 - q) * (1 - 2 * q);
  }
};

/// The same by a normal distribution with the correction for skewness. Ref: Volkova 1996.
double fewer_rang_normal(RaceMoments all, double q, std::int64_t cohort) {
  all.add(q, -1);
  const double sigma = std::sqrt(std::max(all.variance, 1e-12));
  const double z = (static_cast<double>(cohort) - 0.5 - all.mean) / sigma;
  if (std::abs(z) > 12) return z > 0 ? 1 : 0;
  const double skew = all.third / (sigma * sigma * sigma);
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * M_PI);
  const double below = 0.5 * std::erfc(-z / std::sqrt(2.0));
  return std::clamp(below + skew * (1 - z * z) * density / 6, 0.0, 1.0);
}

/// Nodes x and weights for integrals over x > 0 of what falls like exp(-x) behind `scale`:
/// x = scale exp(t - exp(-t)), trapezoid in t.
template <class Visit>
void for_each_node(double scale, double step, Visit visit) {
  for (double t = -5; t <= 6; t += step) {
    const double x = scale * std::exp(t - std::exp(-t));
    visit(x, step * x * (1 + std::exp(-t)));
  }
}

double race_exact(const std::vector<double>& p, std::size_t k, std::int64_t cohort, double scale,
                  double step) {
  double sum = 0;
  for_each_node(scale, step, [&](double x, double weight) {
    const double density = p[k] * std::exp(-p[k] * x);
    if (density * weight < 1e-18) return;
    sum += weight * density * fewer_rang_exact(p, k, cohort, x);
  });
  return sum;
}

std::vector<double> race_normal(const std::vector<double>& p, std::int64_t cohort, double scale) {
  std::vector<double> inclusion(p.size(), 0.0);
  for_each_node(scale, 1.0 / 16, [&](double x, double weight) {
    RaceMoments all;
    for (const double rate : p) all.add(-std::expm1(-rate * x), 1);
    for (std::size_t k = 0; k < p.size(); ++k) {
      const double rest = std::exp(-p[k] * x);
      inclusion[k] += weight * p[k] * rest * fewer_rang_normal(all, 1 - rest, cohort);
    }
  });
  const double sum = std::accumulate(inclusion.begin(), inclusion.end(), 0.0);
  for (double& pi : inclusion) pi = std::min(1.0, pi * static_cast<double>(cohort) / sum);
  return inclusion;
}

}  // namespace

Inclusion successive_inclusion(std::span<const double> weights, std::int64_t cohort) {
  const std::vector<double> all = as_shares(weights);
  std::vector<std::size_t> place;
  std::vector<double> p;
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (all[k] <= 0) continue;
    place.push_back(k);
    p.push_back(all[k]);
  }
  Inclusion inclusion{std::vector<double>(all.size(), 0.0), "exact", 1e-12};
  std::vector<double> found(p.size(), 1.0);
  if (cohort <= 0) {
    std::fill(found.begin(), found.end(), 0.0);
  } else if (static_cast<std::size_t>(cohort) < p.size()) {
    const bool equal = std::adjacent_find(p.begin(), p.end(), std::not_equal_to<>()) == p.end();
    if (equal) {
      std::fill(found.begin(), found.end(), double(cohort) / double(p.size()));
    } else if (p.size() <= kMostEnumerated) {
      found = enumerate_inclusion(p, cohort);
    } else {
      const double scale = typical_time(p, cohort);
      if (p.size() <= kMostExactRace) {
        inclusion.method = "quadrature";
        inclusion.error = 1e-9;
        for (std::size_t k = 0; k < p.size(); ++k) {
          found[k] = race_exact(p, k, cohort, scale, 1.0 / 16);
        }
      } else {
        inclusion.method = "approximation";
        found = race_normal(p, cohort, scale);
        std::vector<std::size_t> order(p.size());
        std::iota(order.begin(), order.end(), 0);
        std::sort(order.begin(), order.end(), [&](auto a, auto b) { return p[a] < p[b]; });
        inclusion.error = 1.0 / double(cohort);
        if (double(p.size()) * double(cohort) <= 2e6) {
          inclusion.error = 0;
          for (const std::size_t k : {order.front(), order[order.size() / 2], order.back()}) {
            const double exact = race_exact(p, k, cohort, scale, 1.0 / 8);
            inclusion.error = std::max(inclusion.error, std::abs(found[k] / exact - 1));
          }
        }
      }
    }
  }
  for (std::size_t i = 0; i < place.size(); ++i) inclusion.probability[place[i]] = found[i];
  return inclusion;
}

Inclusion with_replacement_inclusion(std::span<const double> weights, std::int64_t cohort) {
  Inclusion inclusion{as_shares(weights), "exact", 1e-15};
  for (double& p : inclusion.probability) p = -std::expm1(double(cohort) * std::log1p(-p));
  return inclusion;
}

std::vector<double> poisson_rates(std::span<const double> weights, std::int64_t cohort) {
  std::vector<double> rates = as_shares(weights);
  for (double& rate : rates) rate = std::min(1.0, rate * static_cast<double>(cohort));
  return rates;
}

std::vector<double> waterfill_rates(std::span<const double> weights, std::int64_t cohort) {
  const std::vector<double> shares = as_shares(weights);
  std::vector<std::size_t> order;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    if (shares[k] > 0) order.push_back(k);
  }
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return shares[a] > shares[b]; });
  double room = std::min(static_cast<double>(cohort), static_cast<double>(order.size()));
  double mass = std::accumulate(shares.begin(), shares.end(), 0.0);
  std::vector<double> rates(shares.size(), 0.0);
  // Heaviest first: once one stays below 1, so do all after it, with one common factor.
  std::size_t capped = 0;
  while (capped < order.size() && shares[order[capped]] * room >= mass) {
    rates[order[capped]] = 1;
    room -= 1;
    mass -= shares[order[capped]];
    ++capped;
  }
  for (std::size_t i = capped; i < order.size(); ++i) {
    rates[order[i]] = std::min(1.0, shares[order[i]] * room / mass);
  }
  return rates;
}

std::vector<std::int64_t> draw_successive(std::span<const double> weights, std::int64_t cohort,
                                          const Uniform& uniform) {
  std::vector<std::pair<double, std::int64_t>> clocks;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    // One number for each device, drawn or not, so that weights do not shift the stream.
    const double waiting = -std::log1p(-uniform());
    if (weights[k] > 0) clocks.emplace_back(waiting / weights[k], static_cast<std::int64_t>(k));
  }
  const auto take = std::min(clocks.size(), static_cast<std::size_t>(std::max<std::int64_t>(0, cohort)));
  std::nth_element(clocks.begin(), clocks.begin() + static_cast<std::ptrdiff_t>(take), clocks.end());
  std::vector<std::int64_t> drawn;
  for (std::size_t i = 0; i < take; ++i) drawn.push_back(clocks[i].second);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::vector<std::int64_t> draw_with_replacement(std::span<const double> weights,
                                                std::int64_t cohort, const Uniform& uniform) {
  std::vector<double> cumulative;
  double sum = 0;
  for (const double share : as_shares(weights)) cumulative.push_back(sum += share);
  std::vector<std::int64_t> drawn;
  if (!(sum > 0)) return drawn;
  for (std::int64_t i = 0; i < cohort; ++i) {
    const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), uniform() * sum);
    drawn.push_back(std::min<std::int64_t>(at - cumulative.begin(),
                                           static_cast<std::int64_t>(cumulative.size()) - 1));
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

std::vector<std::int64_t> draw_poisson(std::span<const double> rates, const Uniform& uniform) {
  std::vector<std::int64_t> drawn;
  for (std::size_t k = 0; k < rates.size(); ++k) {
    if (uniform() < rates[k]) drawn.push_back(static_cast<std::int64_t>(k));
  }
  return drawn;
}

}  // namespace discreet::federated
