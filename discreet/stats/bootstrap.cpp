#include "discreet/stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

constexpr std::size_t kJackknifeLimit = 2000;
constexpr std::size_t kJackknifeBlocks = 200;
constexpr std::size_t kLeastResamples = 20;

/// Values of each statistic with one block of examples left out each.
std::vector<std::vector<double>> jackknife(std::span<const Stratum> strata, std::size_t count,
                                           const IndexStatistics& statistics) {
  std::size_t n = 0;
  for (const Stratum& stratum : strata) n += stratum.size();
  const std::size_t blocks = n <= kJackknifeLimit ? n : kJackknifeBlocks;
  std::vector<std::vector<double>> values(count);
  std::vector<std::optional<double>> out(count);
  std::vector<std::uint32_t> kept;
  for (std::size_t block = 0; block < blocks; ++block) {
    kept.clear();
    std::size_t position = 0;
    for (const Stratum& stratum : strata) {
      for (const std::uint32_t index : stratum) {
        if (position++ % blocks != block) kept.push_back(index);
      }
    }
    statistics(kept, out);
    for (std::size_t s = 0; s < count; ++s) {
      if (out[s]) values[s].push_back(*out[s]);
    }
  }
  return values;
}

/// Skewness of the jackknife values over six: Efron's acceleration.
double acceleration(std::span<const double> values) {
  if (values.empty()) return 0;
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  double squares = 0;
  double cubes = 0;
  for (const double value : values) {
    const double d = mean - value;
    squares += d * d;
    cubes += d * d * d;
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

/// The share of the bootstrap distribution below BCa's corrected quantile.
double corrected(double probability, double bias, double accelerate) {
  const double z = bias + normal_quantile(probability);
  return normal_cdf(bias + z / (1 - accelerate * z));
}

}  // namespace

Stratum whole_sample(std::size_t n) {
  Stratum stratum(n);
  std::iota(stratum.begin(), stratum.end(), 0U);
  return stratum;
}

double sorted_quantile(std::span<const double> sorted, double probability) {
  if (sorted.empty()) throw internal_error("a quantile of no values");
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = position - std::floor(position);
  if (part == 0) return sorted[below];  // keeps infinities out of inf * 0
  return sorted[below] + part * (sorted[above] - sorted[below]);
}

namespace {

/// The ends, as shares of the bootstrap distribution `values` (ascending), that BCa puts in place
/// of `tail` and 1 - `tail`.
Interval bca_ends(std::span<const double> values, double value, double tail,
                  std::span<const double> left_out) {
  // Ties with the value count half: the bias of a discrete statistic is not all on one side.
  const auto range = std::equal_range(values.begin(), values.end(), value);
  const double below = (static_cast<double>(range.first - values.begin()) +
                        static_cast<double>(range.second - range.first) / 2) /
                       static_cast<double>(values.size());
  if (!(below > 0 && below < 1)) return {tail, 1 - tail};
  const double bias = normal_quantile(below);
  const double accelerate = acceleration(left_out);
  const double low = corrected(tail, bias, accelerate);
  const double high = corrected(1 - tail, bias, accelerate);
  return {std::min(low, high), std::max(low, high)};
}

}  // namespace

std::vector<BootstrapEstimate> bootstrap_many(std::span<const Stratum> strata, std::size_t count,
                                              const IndexStatistics& statistics,
                                              const BootstrapOptions& options) {
  std::vector<std::uint32_t> indices;
  for (const Stratum& stratum : strata) {
    indices.insert(indices.end(), stratum.begin(), stratum.end());
  }
  std::vector<BootstrapEstimate> estimates(count);
  std::vector<std::optional<double>> out(count);
  statistics(indices, out);
  for (std::size_t s = 0; s < count; ++s) {
    estimates[s].value = out[s];
    estimates[s].resamples = options.resamples;
  }

  core::ReproducibleRng rng(options.seed, "bootstrap");
  std::vector<std::vector<double>> values(count);
  for (std::uint64_t r = 0; r < options.resamples; ++r) {
    std::size_t at = 0;
    for (const Stratum& stratum : strata) {
      for (std::size_t i = 0; i < stratum.size(); ++i) {
        indices[at++] = stratum[rng.below(stratum.size())];
      }
    }
    statistics(indices, out);
    for (std::size_t s = 0; s < count; ++s) {
      if (out[s]) {
        values[s].push_back(*out[s]);
      } else {
        ++estimates[s].undefined;
      }
    }
  }

  const double tail = (1 - options.confidence) / 2;
  std::vector<std::vector<double>> left_out(count);
  if (options.method == BootstrapMethod::kBca) left_out = jackknife(strata, count, statistics);
  for (std::size_t s = 0; s < count; ++s) {
    if (!estimates[s].value || values[s].size() < kLeastResamples) continue;
    std::sort(values[s].begin(), values[s].end());
    const Interval ends = options.method == BootstrapMethod::kBca
                              ? bca_ends(values[s], *estimates[s].value, tail, left_out[s])
                              : Interval{tail, 1 - tail};
    estimates[s].ci =
        Interval{sorted_quantile(values[s], ends.low), sorted_quantile(values[s], ends.high)};
  }
  return estimates;
}

BootstrapEstimate bootstrap(std::span<const Stratum> strata, const IndexStatistic& statistic,
                            const BootstrapOptions& options) {
  const auto one = [&](std::span<const std::uint32_t> indices,
                       std::span<std::optional<double>> out) { out[0] = statistic(indices); };
  return bootstrap_many(strata, 1, one, options).front();
}

}  // namespace discreet::stats
