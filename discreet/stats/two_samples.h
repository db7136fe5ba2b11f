#pragma once

#include <cstdint>
#include <span>

namespace discreet::stats {

/// Fisher's exact test of two rates: successes of trials on each side.
struct FisherExact {
  double less = 1;       ///< p of "rate 1 is no smaller", against rate 1 < rate 2.
  double greater = 1;    ///< Against rate 1 > rate 2.
  double two_sided = 1;  ///< Tables no likelier than the one seen.
};
/// Edge cases: a side without trials gives p = 1. Throws: kInternal if successes > trials.
/// Ref: Fisher 1935; two-sided as Agresti 2002, section 3.5.1.
FisherExact fisher_exact(std::uint64_t successes1, std::uint64_t trials1, std::uint64_t successes2,
                         std::uint64_t trials2);

/// Mann and Whitney's test that values of one side tend to be larger than those of the other.
struct MannWhitney {
  double statistic = 0;  ///< U of side 1: pairs in which it is larger, ties one half.
  double less = 1;       ///< p against "side 1 is smaller".
  double greater = 1;    ///< p against "side 1 is larger".
  double two_sided = 1;
  bool exact = true;     ///< By enumeration given the ties; else the normal limit, corrected for ties.
};
/// Exact while both sides together have at most 200 values. Cost then: O(n1 (n1 + n2)^2 (n1 + n2)).
/// Throws: kInternal for an empty side or NaN. Ref: Mann and Whitney 1947; Lehmann 1975, section 1.5.
MannWhitney mann_whitney(std::span<const double> side1, std::span<const double> side2);

/// Kolmogorov's two-sided test that `values` in [0, 1] are draws of the uniform distribution.
struct Uniformity {
  double statistic = 0;  ///< D: largest distance of the empirical distribution from the diagonal.
  double p_value = 1;    ///< Exact up to 1,000 values, else the limit.
};
/// Throws: kInternal for no values or one outside [0, 1]. Ref: Marsaglia, Tsang and Wang 2003.
Uniformity uniformity(std::span<const double> values);

}  // namespace discreet::stats
