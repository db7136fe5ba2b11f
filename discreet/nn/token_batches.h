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

/// Tokens of a step's physical part, unless it is told otherwise: enough for products to run at full speed, few
/// enough for what is kept of a forward pass to stay in some hundred megabytes.
inline constexpr std::int64_t kPhysicalTokens = 1 << 13;

/// Tokens of each example.
inline std::vector<std::int64_t> lengths_of(std::span<const std::int64_t> offsets) {
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 1; i < offsets.size(); ++i) lengths.push_back(offsets[i] - offsets[i - 1]);
  return lengths;
}

/// Where a physical part of a batch that begins at position `begin` ends: as far as its examples hold at most `most_tokens`
/// together, at `end` at the latest, and with one example at least. `lengths`: tokens of each example.
inline std::int64_t part_end(std::span<const std::int64_t> indices, std::span<const std::int64_t> lengths, std::int64_t begin,
                             std::int64_t end, std::int64_t most_tokens) {
  const auto length = [&](std::int64_t position) {
    return lengths[static_cast<std::size_t>(indices[static_cast<std::size_t>(position)])];
  };
  std::int64_t last = begin + 1, tokens = length(begin);
  while (last < end && tokens + length(last) <= most_tokens) tokens += length(last++);
  return last;
}

/// begin, …, end - 1: the indices of consecutive examples, for `collate`.
inline std::vector<std::int64_t> consecutive(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(end - begin));
  std::iota(indices.begin(), indices.end(), begin);
  return indices;
}

}  // namespace discreet::nn
