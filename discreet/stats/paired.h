#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace discreet::stats {

/// Wilcoxon's signed-rank test of paired values, two-sided.
struct SignedRank {
  std::uint64_t pairs = 0;  ///< That differ; the others say nothing and are left out.
  std::uint64_t equal = 0;  ///< Pairs without a difference.
  double statistic = 0;     ///< Sum of the ranks of the positive differences a - b.
  std::optional<double> p_value;  ///< Absent where no pair differs.
};

/// Exact for any ties: the distribution of the sum over all signs of the midranks at hand. The
/// smallest p that n pairs can give is 2^(1-n): .0625 with 5, .0078 with 8.
///
/// Cost: O(n^3). Throws: kInternal if the lengths differ or a value is not finite.
/// Ref: Wilcoxon 1945; ties as Pratt and Gibbons 1981, zeros left out as in the original.
SignedRank wilcoxon_signed_rank(std::span<const double> a, std::span<const double> b);

}  // namespace discreet::stats
