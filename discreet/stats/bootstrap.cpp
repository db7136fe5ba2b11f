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

/// Values of the statistic with one block of examples left out each.
std::vector<double> jackknife(std::span<const Stratum> strata, const IndexStatistic& statistic) {
  std::size_t n = 0;
  for (const Stratum& stratum : strata) n += stratum.size();
  const std::size_t blocks = n <= kJackknifeLimit ? n : kJackknifeBlocks;
  std::vector<double> values;
  std::vector<std::uint32_t> kept;
  for (std::size_t block = 0; block < blocks; ++block) {
    kept.clear();
    std::size_t position = 0;
    for (const Stratum& stratum : strata) {
      for (const std::uint32_t index : stratum) {
        if (position++ % blocks != block) kept.push_back(index);
      }
    }
    if (const auto value = statistic(kept)) values.push_back(*value);
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

BootstrapEstimate bootstrap(std::span<const Stratum> strata, const IndexStatistic& statistic,
                            const BootstrapOptions& options) {
  std::vector<std::uint32_t> indices;
  for (const Stratum& stratum : strata) {
    indices.insert(indices.end(), stratum.begin(), stratum.end());
  }
  BootstrapEstimate estimate;
  estimate.resamples = options.resamples;
  estimate.value = statistic(indices);
  if (!estimate.value) return estimate;

  core::ReproducibleRng rng(options.seed, "bootstrap");
  std::vector<double> values;
  values.reserve(options.resamples);
  for (std::uint64_t r = 0; r < options.resamples; ++r) {
    std::size_t at = 0;
    for (const Stratum& stratum : strata) {
      for (std::size_t i = 0; i < stratum.size(); ++i) {
        indices[at++] = stratum[rng.below(stratum.size())];
      }
    }
    if (const auto value = statistic(indices)) {
      values.push_back(*value);
    } else {
      ++estimate.undefined;
    }
  }
  if (values.size() < kLeastResamples) return estimate;
  std::sort(values.begin(), values.end());

  double low = (1 - options.confidence) / 2;
  double high = 1 - low;
  if (options.method == BootstrapMethod::kBca) {
    // Ties with the value count half: the bias of a discrete statistic is not all on one side.
    const auto first = std::lower_bound(values.begin(), values.end(), *estimate.value);
    const auto last = std::upper_bound(first, values.end(), *estimate.value);
    const double below =
        (static_cast<double>(first - values.begin()) + static_cast<double>(last - first) / 2) /
        static_cast<double>(values.size());
    if (below > 0 && below < 1) {
      const double bias = normal_quantile(below);
      const double accelerate = acceleration(jackknife(strata, statistic));
      const double ends[2] = {corrected(low, bias, accelerate), corrected(high, bias, accelerate)};
      low = std::min(ends[0], ends[1]);
      high = std::max(ends[0], ends[1]);
    }
  }
  estimate.ci = Interval{sorted_quantile(values, low), sorted_quantile(values, high)};
  return estimate;
}

}  // namespace discreet::stats
