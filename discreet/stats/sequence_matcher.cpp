#include "discreet/stats/sequence_matcher.h"

#include <algorithm>
#include <map>

namespace discreet::stats {
namespace {

struct Window {
  std::size_t a_begin, a_end, b_begin, b_end;
};

EqualBlock longest_match(std::span<const std::int64_t> a, std::span<const std::int64_t> b, const Window& in) {
  EqualBlock best{in.a_begin, in.a_begin, in.b_begin, in.b_begin};
  // runs[j]: how long a match ends at (i, j - 1), for the row before and this one.
  std::vector<std::size_t> before(b.size() + 1, 0), runs(b.size() + 1, 0);
  for (std::size_t i = in.a_begin; i < in.a_end; ++i) {
    for (std::size_t j = in.b_begin; j < in.b_end; ++j) {
      const std::size_t run = a[i] == b[j] ? (j > in.b_begin ? before[j] : 0) + 1 : 0;
      runs[j + 1] = run;
      if (run > best.a_end - best.a_begin) best = {i + 1 - run, i + 1, j + 1 - run, j + 1};
    }
    std::swap(before, runs);
  }
  return best;
}

void collect(std::span<const std::int64_t> a, std::span<const std::int64_t> b, const Window& in,
             std::vector<EqualBlock>& blocks) {
  const EqualBlock found = longest_match(a, b, in);
  if (found.a_begin == found.a_end) return;
  collect(a, b, {in.a_begin, found.a_begin, in.b_begin, found.b_begin}, blocks);
  const bool adjacent = !blocks.empty() && blocks.back().a_end == found.a_begin && blocks.back().b_end == found.b_begin;
  if (adjacent) {
    blocks.back().a_end = found.a_end;
    blocks.back().b_end = found.b_end;
  } else {
    blocks.push_back(found);
  }
  collect(a, b, {found.a_end, in.a_end, found.b_end, in.b_end}, blocks);
}

}  // namespace

std::vector<EqualBlock> equal_blocks(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  std::vector<EqualBlock> blocks;
  collect(a, b, {0, a.size(), 0, b.size()}, blocks);
  return blocks;
}

}  // namespace discreet::stats
