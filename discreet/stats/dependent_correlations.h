#pragma once

#include <cstdint>
#include <optional>

#include "discreet/stats/intervals.h"

namespace discreet::stats {

/// Do two correlations with one variable differ, where all three were measured on the same n cases?
struct WilliamsTest {
  double t = 0;               ///< Above 0: r12 is the larger.
  std::uint64_t degrees = 0;  ///< n - 3.
  double p_value = 1;         ///< Two-sided.
};

/// Williams' modification of Hotelling's test of r12 = r13; r23 is the correlation of the two that are compared.
/// Absent below n = 4, where a correlation is 1 or -1, and where the three cannot be those of any three
/// variables (their matrix has no positive determinant).
/// Throws: kInternal for a value outside [-1, 1] or NaN.
/// Ref: Williams 1959; Steiger 1980, equation 7.
std::optional<WilliamsTest> williams_test(double r12, double r13, double r23, std::uint64_t n);

/// Is a correlation so close to 0 that it may be called none? Two one-sided tests on Fisher's z of |rho| < bound.
struct EquivalenceTest {
  double p_value = 1;  ///< The larger of both one-sided p-values.
  Interval ci;         ///< 1 - 2 alpha: equivalence holds at level alpha if it lies within the bounds.
  double smallest_r = 0;  ///< The largest |r| that would show it with so many cases; below 0: none would.
};

/// Absent below n = 4. Throws: kInternal unless 0 < bound < 1 and 0 < alpha < .5.
/// Ref: Schuirmann 1987; Counsell and Cribbie 2015 for correlations.
std::optional<EquivalenceTest> equivalence_of_correlation(double r, std::uint64_t n, double bound, double alpha = 0.05);

}  // namespace discreet::stats
