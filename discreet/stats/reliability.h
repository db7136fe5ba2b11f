#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "discreet/stats/intervals.h"

namespace discreet::stats {

/// How much of the variance of a measurement is of what is measured: targets (settings) by repeats (seeds).
struct IntraclassCorrelation {
  double single = 0;   ///< ICC(1,1), of one repeat; below 0 where repeats differ more than targets.
  double average = 0;  ///< ICC(1,k), of the mean of k repeats.
  Interval ci;         ///< Of `single`, by the F distribution.
};

/// One-way random effects. Shapes: values [targets, repeats], row by row. Absent for fewer than two targets or
/// repeats, and where no value differs from another. Throws: kInternal if the length does not fit.
/// Ref: Shrout and Fleiss 1979, case 1.
std::optional<IntraclassCorrelation> intraclass_correlation(std::span<const double> values, std::size_t targets,
                                                            std::size_t repeats, double confidence = 0.95);

/// r divided by the root of both reliabilities: the correlation of what is measured, had it been measured without
/// noise. May be outside [-1, 1]. Absent where a reliability is 0 or below. Ref: Spearman 1904.
std::optional<double> disattenuated(double r, double reliability_x, double reliability_y);

/// Variances of two crossed random factors, their interaction, and repeats within cells.
struct VarianceComponents {
  double a = 0, b = 0, interaction = 0, repeats = 0;
  double total() const { return a + b + interaction + repeats; }
};

/// Estimates by the method of moments from the mean squares; a negative estimate is 0. Shapes: values [a, b,
/// repeats], row by row. Absent if one of the three is below 2. Throws: kInternal if the length does not fit.
/// Ref: Searle, Casella and McCulloch 1992, chapter 4.
std::optional<VarianceComponents> variance_components(std::span<const double> values, std::size_t a, std::size_t b,
                                                      std::size_t repeats);

}  // namespace discreet::stats
