#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace discreet::stats {

struct NearDuplicateOptions {
  double similarity = 0.8;  ///< Jaccard index of the texts' shingles from which they count as near.
  std::size_t shingle = 5;  ///< Bytes.
};

/// Pairs of texts that are almost the same, but not equal.
struct NearDuplicates {
  std::vector<std::uint8_t> first;   ///< [a] 1: text a of the first list has a near copy in the second.
  std::vector<std::uint8_t> second;  ///< [b] the reverse.
  std::uint64_t pairs = 0;           ///< Found pairs.
};

/// Compares ASCII letters without case, and runs of bytes below 128 that are no letter or digit as one blank. Texts that
/// are then equal are one. Candidates come from 16 bands of 4 minima of hashes: a pair with Jaccard index .8 is found with
/// probability .9998, one at .9 with more; each is then checked exactly. In a band, texts are
/// compared with at most 50 others of the same minima: where more are alike but not equal, counts err downwards. Cost: O(bytes) and the candidates.
/// Ref: Broder 1997.
NearDuplicates near_duplicates(std::span<const std::string> first, std::span<const std::string> second,
                               const NearDuplicateOptions& options = {});

}  // namespace discreet::stats
