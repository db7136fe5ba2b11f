#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::federated {

/// One draw of Dirichlet(alpha * base).
///
/// Shapes: base [L], non-negative, sum > 0; returns [L], sum 1. Where base is 0 the draw is 0.
/// Edge cases: alpha infinite gives base / sum(base) exactly. Small alpha: gamma variates are kept as
/// logarithms, so that nothing underflows to 0/0.
/// Ref: Marsaglia and Tsang 2000 (gamma variates).
std::vector<double> draw_dirichlet(std::span<const double> base, double alpha,
                                   core::ReproducibleRng& rng);

/// Whole numbers next to `targets` with sum `total`: floors first, then one more for the largest
/// remainders; equal remainders are served in the order of `ties` (a permutation, or empty: by index).
/// Negative targets count as 0. Sum of targets need not be `total`.
std::vector<std::int64_t> largest_remainder(std::span<const double> targets, std::int64_t total,
                                            std::span<const std::size_t> ties = {});

/// Raises every size to at least `least` by taking from the largest, one at a time (ties: the lower
/// index gives). The sum stays. Throws: kInternal if the sum is too small.
void raise_to_minimum(std::vector<std::int64_t>& sizes, std::int64_t least);

/// 0 .. n-1 in random order.
std::vector<std::size_t> random_order(std::size_t n, core::ReproducibleRng& rng);

}  // namespace discreet::federated
