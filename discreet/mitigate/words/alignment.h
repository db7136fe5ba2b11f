#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "discreet/mitigate/words/swapper.h"

namespace discreet::mitigate {

/// Bytes of a token in its text.
struct TokenRange {
  std::size_t begin = 0, end = 0;
};

/// For each prefix of t tokens of a text, t = 0 .. n: of how many tokens the matching prefix of the exchanged text
/// is, or -1 where there is none.
///
/// `changes` are what the swapper exchanged, in order. Prefixes match if both end at the same boundary: outside of
/// what was exchanged or at its end, and at the end of a token in both texts. A prefix that ends inside an
/// exchanged word has no match, since its pieces say nothing of the other word's. Of tokens that end at the same
/// byte (pieces of one character) the last counts.
/// Cost: O(tokens + changes). Ends of tokens must not fall.
std::vector<std::int64_t> align_prefixes(std::span<const TokenRange> original, std::span<const TokenRange> exchanged,
                                         std::span<const SwapSpan> changes);

}  // namespace discreet::mitigate
