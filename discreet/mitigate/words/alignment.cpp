#include "discreet/mitigate/words/alignment.h"

namespace discreet::mitigate {

std::vector<std::int64_t> align_prefixes(std::span<const TokenRange> original, std::span<const TokenRange> exchanged,
                                         std::span<const SwapSpan> changes) {
  std::vector<std::int64_t> matches(original.size() + 1, -1);
  matches[0] = 0;
  std::size_t change = 0, other = 0;
  std::ptrdiff_t shift = 0;  // of the text behind the changes so far
  for (std::size_t t = 0; t < original.size(); ++t) {
    const std::size_t end = original[t].end;
    if (t + 1 < original.size() && original[t + 1].end == end) continue;
    while (change < changes.size() && changes[change].end <= end) {
      shift = static_cast<std::ptrdiff_t>(changes[change].out_end) - static_cast<std::ptrdiff_t>(changes[change].end);
      ++change;
    }
    if (change < changes.size() && changes[change].begin < end) continue;
    const auto wanted = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(end) + shift);
    while (other < exchanged.size() && exchanged[other].end <= wanted) ++other;
    if (other > 0 && exchanged[other - 1].end == wanted) matches[t + 1] = static_cast<std::int64_t>(other);
  }
  return matches;
}

}  // namespace discreet::mitigate
