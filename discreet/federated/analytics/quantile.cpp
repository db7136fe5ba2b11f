#include "discreet/federated/analytics/quantile.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

void check_quantile_options(const QuantileOptions& options, int deepest) {
  if (!(options.low < options.high) || !std::isfinite(options.high - options.low)) {
    throw usage_error(fmt::format("quantiles between {} and {}", options.low, options.high),
                      "Give public bounds, the lower one first.");
  }
  if (options.depth < 1 || options.depth > deepest) {
    throw usage_error(fmt::format("a depth of {}: 1 to {}", options.depth, deepest));
  }
  if (options.most_values < 1) throw usage_error("a device counts at least one value");
  if (!(options.noise_multiplier >= 0) || std::isinf(options.noise_multiplier)) {
    throw usage_error(fmt::format("a noise multiplier of {}", options.noise_multiplier));
  }
}

void check_share(double quantile) {
  if (!(quantile > 0 && quantile < 1)) throw usage_error(fmt::format("the quantile {}: between 0 and 1", quantile));
}

std::span<const double> counted_values(const std::vector<double>& values, const QuantileOptions& options) {
  return std::span<const double>(values).first(
      std::min(values.size(), static_cast<std::size_t>(options.most_values)));
}

/// NaN counts as the upper bound: a device's mistake must not stop the others.
double clamped_value(double value, const QuantileOptions& options) {
  return std::isnan(value) ? options.high : std::clamp(value, options.low, options.high);
}

/// The leaf of 2^depth that a value lies in: (left, right], the first one closed.
std::size_t leaf_of(double value, const QuantileOptions& options, std::size_t leaves) {
  const double place = (clamped_value(value, options) - options.low) / (options.high - options.low);
  const double leaf = std::ceil(place * static_cast<double>(leaves)) - 1;
  return static_cast<std::size_t>(std::clamp(leaf, 0.0, static_cast<double>(leaves - 1)));
}

/// Least squares of noisy counts in a full binary tree, nodes 1 .. 2 leaves - 1, children 2 i and 2 i + 1; the
/// root is not measured. All noise has one variance. Two passes: a node's estimate from below, then the
/// disagreement with its parent shared by its children.
void make_consistent(std::vector<double>& count, std::size_t leaves) {
  std::vector<double> variance(2 * leaves, 1);
  for (std::size_t node = leaves - 1; node >= 1; --node) {
    const double below = count[2 * node] + count[2 * node + 1];
    const double below_variance = variance[2 * node] + variance[2 * node + 1];
    if (node == 1) {
      count[node] = below;
      variance[node] = below_variance;
      break;
    }
    count[node] = (count[node] * below_variance + below) / (1 + below_variance);
    variance[node] = below_variance / (1 + below_variance);
  }
  for (std::size_t node = 1; node < leaves; ++node) {
    const double left = variance[2 * node], right = variance[2 * node + 1];
    const double rest = count[node] - count[2 * node] - count[2 * node + 1];
    count[2 * node] += rest * left / (left + right);
    count[2 * node + 1] += rest * right / (left + right);
  }
}

QuantileAnswer read_tree(const std::vector<double>& count, std::size_t leaves, double quantile,
                         const QuantileOptions& options) {
  QuantileAnswer answer{.quantile = quantile, .value = {}, .low = options.low, .high = options.high};
  if (!(count[1] > 0)) return answer;
  double rank = quantile * count[1];
  std::size_t node = 1;
  while (node < leaves) {
    const double left = std::max(0.0, count[2 * node]);
    const bool goes_left = rank <= left || count[2 * node + 1] <= 0;
    if (!goes_left) rank -= left;
    node = 2 * node + (goes_left ? 0 : 1);
    const double middle = (answer.low + answer.high) / 2;
    (goes_left ? answer.high : answer.low) = middle;
  }
  answer.value = answer.high;
  return answer;
}

}  // namespace

QuantileRelease search_quantile(DeviceValues devices, double quantile, const QuantileOptions& options,
                                privacy::NoiseSource& noise) {
  check_quantile_options(options, 24);
  check_share(quantile);
  const double sensitivity = static_cast<double>(options.most_values) * std::max(quantile, 1 - quantile);
  const double deviation = options.noise_multiplier * sensitivity;
  QuantileRelease release;
  QuantileAnswer answer{.quantile = quantile, .value = {}, .low = options.low, .high = options.high, .rank_deviation = deviation};
  bool any = false;
  for (int round = 0; round < options.depth; ++round) {
    const double middle = (answer.low + answer.high) / 2;
    std::int64_t below = 0, all = 0;  // whole numbers add up the same in any order
    for (const std::vector<double>& values : devices) {
      for (const double value : counted_values(values, options)) {
        below += clamped_value(value, options) <= middle ? 1 : 0;
        ++all;
      }
    }
    any = any || all > 0;
    double sum = static_cast<double>(below) - quantile * static_cast<double>(all);
    noise.begin_step(static_cast<std::uint64_t>(round));
    noise.add_gaussian(std::span<double>(&sum, 1), deviation);
    (sum >= 0 ? answer.high : answer.low) = middle;
  }
  // Under privacy whether there are any values is itself not told: the search then ends anywhere.
  if (any || options.noise_multiplier > 0) answer.value = answer.high;
  release.answers = {answer};
  release.rounds = options.depth;
  if (options.noise_multiplier > 0) {
    release.event = privacy::Event::self_composed(
        privacy::Event::gaussian(privacy::NoiseMultiplier(options.noise_multiplier)), options.depth);
  }
  return release;
}

QuantileRelease tree_quantiles(DeviceValues devices, std::span<const double> quantiles,
                               const QuantileOptions& options, privacy::NoiseSource& noise) {
  check_quantile_options(options, 20);
  for (const double quantile : quantiles) check_share(quantile);
  const std::size_t leaves = std::size_t{1} << options.depth;
  std::vector<double> count(2 * leaves, 0.0);
  for (const std::vector<double>& values : devices) {
    for (const double value : counted_values(values, options)) {
      for (std::size_t node = leaves + leaf_of(value, options, leaves); node >= 1; node /= 2) count[node] += 1;
    }
  }
  const double deviation = options.noise_multiplier * static_cast<double>(options.most_values) *
                           std::sqrt(static_cast<double>(options.depth));
  QuantileRelease release;
  release.rounds = 1;
  if (deviation > 0) {
    noise.begin_step(0);
    count[1] = 0;  // the root is the sum of its children: it costs nothing of its own
    noise.add_gaussian(std::span<double>(count).subspan(2), deviation);
    make_consistent(count, leaves);
    release.event = privacy::Event::gaussian(privacy::NoiseMultiplier(options.noise_multiplier));
  }
  release.count = count[1];
  for (const double quantile : quantiles) {
    release.answers.push_back(read_tree(count, leaves, quantile, options));
    // A rank is a sum of at most depth nodes; consistency can only make it better.
    release.answers.back().rank_deviation = deviation * std::sqrt(static_cast<double>(options.depth));
  }
  return release;
}

}  // namespace discreet::federated
