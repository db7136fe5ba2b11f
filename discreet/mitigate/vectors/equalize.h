#pragma once

#include <span>

#include "discreet/mitigate/vectors/projection.h"

namespace discreet::mitigate {

/// Divides each row of `values` [n, dimension] by its length; zero rows stay zero. Returns how many those are.
std::size_t scale_to_unit(std::span<double> values, std::size_t dimension);

/// Makes the two rows of length 1 of a pair differ within the removed subspace alone, and equally far from every
/// neutralised row: each becomes nu + sqrt(1 - |nu|^2) u, where nu is the pair's mean without its part in the
/// subspace and u the direction of its own part in the subspace about the pair's mean there.
///
/// `map` is the neutralising projection I - B B^T. Returns false, and leaves the pair as it is, where both parts
/// are equal: nothing says which way they lie. Ref: Bolukbasi et al. 2016, section 6.
bool equalize_pair(const AffineMap& map, std::span<double> first, std::span<double> second);

}  // namespace discreet::mitigate
