#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace discreet::stats {

/// How unevenly groups are spoken of: each group's count of words divided by how many words its list has,
/// normalised; then half the sum of distances to equal shares (total variation). 0 is even, 1 - 1/groups is
/// one group alone. Absent where nothing was counted.
/// Shapes: counts and list_sizes [groups]. Throws: kInternal if they differ or a list is empty.
/// Ref: Liang et al. 2022 (HELM), demographic representation; stereotypical association is its mean over
/// target words, counted in the texts that hold them.
std::optional<double> representation_bias(std::span<const double> counts, std::span<const std::uint64_t> list_sizes);

}  // namespace discreet::stats
