#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace discreet::stats {

/// A confidence interval; low <= high.
struct Interval {
  double low = 0;
  double high = 0;
  bool contains(double value) const { return low <= value && value <= high; }
};

/// Wilson's score interval for `successes` of `trials`. Without trials: [0, 1], nothing is known.
/// Throws: kInternal if successes > trials or confidence is outside (0, 1).
/// Ref: Wilson 1927; Brown, Cai, DasGupta 2001.
Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence = 0.95);

/// The exact interval: covers at least `confidence` for every true rate. Edge cases as `wilson`.
/// Ref: Clopper and Pearson 1934.
Interval clopper_pearson(std::uint64_t successes, std::uint64_t trials, double confidence = 0.95);

/// Newcombe's hybrid of two Wilson intervals for rate 1 minus rate 2. Without trials: [-1, 1].
/// Ref: Newcombe 1998, method 10.
Interval newcombe_difference(std::uint64_t successes1, std::uint64_t trials1,
                             std::uint64_t successes2, std::uint64_t trials2,
                             double confidence = 0.95);

/// Mean of repeated runs (seeds) with Student's t interval.
struct MeanEstimate {
  std::uint64_t n = 0;
  double mean = 0;
  std::optional<double> standard_deviation;  ///< Divisor n - 1; absent for one value.
  std::optional<Interval> ci;                ///< Absent for one value.
};
/// Throws: kInternal if `values` is empty or holds a value that is not finite.
MeanEstimate mean_interval(std::span<const double> values, double confidence = 0.95);

/// Phi^-1: the standard normal quantile.
double normal_quantile(double probability);
/// Phi: the standard normal distribution function.
double normal_cdf(double z);

}  // namespace discreet::stats
