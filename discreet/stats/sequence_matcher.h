#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace discreet::stats {

/// a[a_begin, a_end) equals b[b_begin, b_end).
struct EqualBlock {
  std::size_t a_begin, a_end, b_begin, b_end;
};

/// What two sequences share, in order: the longest block that both have, the earliest in a and then in b
/// where several are as long; then the same left and right of it.
///
/// These are the 'equal' blocks of Python's difflib.SequenceMatcher, whose rule against frequent elements
/// only begins at 200 elements of b and is left out here. Adjacent blocks are one.
/// Cost: O(|a| |b|) for each block. Ref: Ratcliff and Metzener 1988; Python's documentation.
std::vector<EqualBlock> equal_blocks(std::span<const std::int64_t> a, std::span<const std::int64_t> b);

}  // namespace discreet::stats
