#pragma once

#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace discreet::nn {

/// Where a pass over consecutive examples that begins with `begin` ends: with as many as hold at most `most_tokens` together
/// and are at most `most_examples`, and with one at least. `offsets` [examples + 1] as in EncodedExamples; `begin` is an
/// example.
inline std::int64_t batch_end(std::span<const std::int64_t> offsets, std::int64_t begin, std::int64_t most_tokens,
                              std::int64_t most_examples = std::numeric_limits<std::int64_t>::max()) {
  const auto size = static_cast<std::int64_t>(offsets.size()) - 1;
  const std::int64_t first = offsets[static_cast<std::size_t>(begin)];
  std::int64_t end = begin + 1;
  while (end < size && end - begin < most_examples && offsets[static_cast<std::size_t>(end) + 1] - first <= most_tokens) ++end;
  return end;
}

/// begin, …, end - 1: the indices of consecutive examples, for `collate`.
inline std::vector<std::int64_t> consecutive(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), begin);
  return indices;
}

}  // namespace discreet::nn
