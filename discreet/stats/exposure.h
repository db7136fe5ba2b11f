#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "discreet/stats/skew_normal.h"

namespace discreet::stats {

/// Exposure of a canary, in bits, by its rank among references drawn from the same space:
/// log2 of their number minus log2 of 1 + how many have a perplexity (or loss) that is no larger.
///
/// At most log2 of their number; below 0 only where all references stand before it. Throws: kInternal
/// without references. Ref: Carlini et al. 2019, section 4.3 (sampling).
double exposure_by_rank(double canary, std::span<const double> references);

/// Exact: log2 of the space minus log2 of the rank in it, the canary itself counted once.
double exposure_of_rank(std::uint64_t rank, double space);

/// -log2 of the fitted share of references with a loss that is no larger: not bounded by their number, but only
/// as good as the fit. Ref: Carlini et al. 2019, section 4.3 (extrapolation by a skew-normal distribution).
double exposure_by_fit(double canary, const SkewNormal& fit);

}  // namespace discreet::stats
