#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/stats/intervals.h"

namespace discreet::stats {

enum class BootstrapMethod { kPercentile, kBca };

struct BootstrapOptions {
  std::uint64_t resamples = 2000;
  double confidence = 0.95;
  BootstrapMethod method = BootstrapMethod::kPercentile;
  std::uint64_t seed = 0;  ///< Of a ReproducibleRng, stream "bootstrap": record it with the result.
};

/// Indices of one stratum: it is resampled to its own size, so that a resample has as many members
/// or as large a group as the data.
using Stratum = std::vector<std::uint32_t>;

/// A statistic of the examples with these indices (with repetitions); absent where it is undefined.
using IndexStatistic = std::function<std::optional<double>(std::span<const std::uint32_t>)>;

struct BootstrapEstimate {
  std::optional<double> value;  ///< On the data themselves.
  std::optional<Interval> ci;   ///< Absent if fewer than 20 resamples have a value.
  std::uint64_t resamples = 0;
  std::uint64_t undefined = 0;  ///< Resamples without a value: counted, neither 0 nor NaN.
};

/// Bootstrap interval of `statistic`, resampling within each stratum.
///
/// BCa takes its acceleration from a jackknife that leaves out one example each, or one of 200
/// blocks of each stratum's examples when there are more than 2,000. Where the bias correction is
/// infinite (all resamples on one side of the value) BCa falls back to the percentile interval.
/// Cost: O(resamples * n) plus as many calls of `statistic`.
/// Ref: Efron and Tibshirani 1993, chapters 13 and 14.
BootstrapEstimate bootstrap(std::span<const Stratum> strata, const IndexStatistic& statistic,
                            const BootstrapOptions& options = {});

/// Several statistics of the same resamples: writes one value, or nothing, for each.
using IndexStatistics =
    std::function<void(std::span<const std::uint32_t>, std::span<std::optional<double>>)>;
std::vector<BootstrapEstimate> bootstrap_many(std::span<const Stratum> strata, std::size_t count,
                                              const IndexStatistics& statistics,
                                              const BootstrapOptions& options = {});

/// One stratum of 0..n-1.
Stratum whole_sample(std::size_t n);

/// The quantile by linear interpolation between order statistics (Hyndman and Fan's type 7) of
/// ascending `sorted`. Throws: kInternal if empty.
double sorted_quantile(std::span<const double> sorted, double probability);

}  // namespace discreet::stats
