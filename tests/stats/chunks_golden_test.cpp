// Oracles of federated.md 11.13: entity counts and F1 by conlleval's rule and by the strict one.
#include <gtest/gtest.h>

#include <sstream>

#include "discreet/stats/chunks.h"

namespace discreet::stats {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

struct Oracle {
  const char* gold;
  const char* predicted;
  ChunkRule rule;
  std::uint64_t counts[3];
  double f1;
};

class ChunksGolden : public testing::TestWithParam<Oracle> {};

TEST_P(ChunksGolden, CountsAndF1) {
  const Oracle& o = GetParam();
  ChunkScorer scorer(o.rule);
  scorer.add(words(o.gold), words(o.predicted));
  EXPECT_EQ(scorer.total().gold, o.counts[0]);
  EXPECT_EQ(scorer.total().predicted, o.counts[1]);
  EXPECT_EQ(scorer.total().correct, o.counts[2]);
  EXPECT_NEAR(*scorer.total().scores().f1, o.f1, 1e-10);
}

constexpr auto kLenient = ChunkRule::kConlleval;
constexpr auto kStrict = ChunkRule::kStrict;
INSTANTIATE_TEST_SUITE_P(
    Page, ChunksGolden,
    testing::Values(
        Oracle{"O I-PER I-PER O B-LOC", "O B-PER I-PER O B-LOC", kLenient, {2, 2, 2}, 1},
        Oracle{"O I-PER I-PER O B-LOC", "O B-PER I-PER O B-LOC", kStrict, {1, 2, 1}, 2.0 / 3},
        Oracle{"B-PER I-PER O B-LOC", "B-PER I-LOC O B-LOC", kLenient, {2, 3, 1}, 0.4},
        Oracle{"B-PER I-PER O B-LOC", "B-PER I-LOC O B-LOC", kStrict, {2, 2, 1}, 0.5},
        Oracle{"B-PER B-PER O O", "B-PER I-PER O I-ORG", kLenient, {2, 2, 0}, 0},
        Oracle{"B-PER B-PER O O", "B-PER I-PER O I-ORG", kStrict, {2, 1, 0}, 0}));

}  // namespace
}  // namespace discreet::stats
