#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "discreet/stats/intervals.h"

namespace discreet::stats {

/// How two lists of numbers go together; absent, with a reason, where one of them does not vary.
struct Correlation {
  std::uint64_t n = 0;
  std::optional<double> pearson, spearman, kendall_b;
  std::optional<Interval> pearson_ci, spearman_ci;  ///< From n = 4 on.
  std::optional<double> pearson_p, spearman_p, kendall_p;  ///< Two-sided, no association.
  std::string reason;
};

/// Pearson's r with Fisher's interval and the t test; Spearman's rho on midranks with the interval of
/// Bonett and Wright 2000 and the t approximation; Kendall's tau-b with the normal approximation,
/// corrected for ties. From n = 3 on; the approximations are rough below n = 10.
///
/// Cost: O(n^2). Throws: kInternal if the lengths differ or a value is not finite.
/// Ref: Fisher 1921; Kendall 1970, chapters 3 and 5.
Correlation correlate(std::span<const double> x, std::span<const double> y, double confidence = 0.95);

}  // namespace discreet::stats
