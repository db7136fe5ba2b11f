#include "discreet/federated/dirichlet.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

/// log of a Gamma(shape, 1) variate. Below shape 1: G(a) = G(a + 1) U^(1/a).
double log_gamma_variate(double shape, core::ReproducibleRng& rng) {
  if (shape < 1) {
    const double boosted = log_gamma_variate(shape + 1, rng);
    return boosted + std::log(1 - rng.uniform()) / shape;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {  // accepted with a chance of .95 or more
    const double x = rng.normal();
    const double v = std::pow(1 + c * x, 3);
    if (v <= 0) continue;
    const double u = 1 - rng.uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

}  // namespace

std::vector<double> draw_dirichlet(std::span<const double> base, double alpha,
                                   core::ReproducibleRng& rng) {
  const double sum = std::accumulate(base.begin(), base.end(), 0.0);
  if (!(sum > 0) || !(alpha > 0)) throw internal_error("a Dirichlet needs a base and alpha > 0");
  std::vector<double> draw(base.size(), 0.0);
  if (std::isinf(alpha)) {
    for (std::size_t l = 0; l < base.size(); ++l) draw[l] = base[l] / sum;
    return draw;
  }
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  std::vector<double> logs(base.size(), kNone);
  double most = kNone;
  for (std::size_t l = 0; l < base.size(); ++l) {
    if (base[l] > 0) logs[l] = log_gamma_variate(alpha * base[l], rng);
    most = std::max(most, logs[l]);
  }
  double total = 0;
  for (std::size_t l = 0; l < base.size(); ++l) {
    draw[l] = logs[l] == kNone ? 0 : std::exp(logs[l] - most);
    total += draw[l];
  }
  for (double& part : draw) part /= total;
  return draw;
}

std::vector<std::int64_t> largest_remainder(std::span<const double> targets, std::int64_t total,
                                            std::span<const std::size_t> ties) {
  const std::size_t n = targets.size();
  if (n == 0) return {};
  std::vector<std::int64_t> whole(n);
  std::vector<double> rest(n);
  std::int64_t placed = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double target = std::max(0.0, targets[i]);
    // A target that is whole but for rounding error is whole.
    const double near = std::round(target);
    const bool exact = std::abs(target - near) <= 1e-9 * std::max(1.0, near);
    whole[i] = static_cast<std::int64_t>(exact ? near : std::floor(target));
    rest[i] = exact ? 0 : target - std::floor(target);
    placed += whole[i];
  }
  std::vector<std::size_t> order(ties.begin(), ties.end());
  if (order.empty()) {
    order.resize(n);
    std::iota(order.begin(), order.end(), 0);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rest[a] > rest[b]; });
  if (placed < total) {
    const std::int64_t more = total - placed;
    const auto rounds = more / static_cast<std::int64_t>(n);
    for (auto& count : whole) count += rounds;
    for (std::int64_t i = 0; i < more % static_cast<std::int64_t>(n); ++i) {
      ++whole[order[static_cast<std::size_t>(i)]];
    }
  }
  while (placed > total) {  // clipped negatives: the smallest remainders give back
    bool changed = false;
    for (auto it = order.rbegin(); it != order.rend() && placed > total; ++it) {
      if (whole[*it] == 0) continue;
      --whole[*it];
      --placed;
      changed = true;
    }
    if (!changed) throw internal_error("a total below 0 cannot be divided");
  }
  return whole;
}

void raise_to_minimum(std::vector<std::int64_t>& sizes, std::int64_t least) {
  const auto sum = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  if (sum < least * static_cast<std::int64_t>(sizes.size())) {
    throw internal_error("sizes are too small for their minimum");
  }
  const auto smaller = [&](std::size_t a, std::size_t b) {
    return sizes[a] != sizes[b] ? sizes[a] < sizes[b] : a > b;
  };
  std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(smaller)> largest(smaller);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] > least) largest.push(i);
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    while (sizes[i] < least) {
      const std::size_t giver = largest.top();
      largest.pop();
      --sizes[giver];
      ++sizes[i];
      if (sizes[giver] > least) largest.push(giver);
    }
  }
}

std::vector<std::size_t> random_order(std::size_t n, core::ReproducibleRng& rng) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  core::shuffle(std::span<std::size_t>(order), rng);
  return order;
}

}  // namespace discreet::federated
