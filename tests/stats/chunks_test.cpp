#include "discreet/stats/chunks.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

using Tags = std::vector<std::string>;

TEST(Chunks, FindsSpans) {
  const Tags tags = {"B-a", "I-a", "O", "I-b", "I-c", "B-c", "I-c"};
  EXPECT_EQ(chunks(tags), (std::vector<Chunk>{{"a", 0, 1}, {"b", 3, 3}, {"c", 4, 4}, {"c", 5, 6}}));
  EXPECT_EQ(chunks(tags, ChunkRule::kStrict), (std::vector<Chunk>{{"a", 0, 1}, {"c", 5, 6}}));
  EXPECT_TRUE(chunks(Tags{}).empty());
}

TEST(Chunks, TypesMayHoldDashesOrBeEmpty) {
  EXPECT_EQ(chunks(Tags{"B-x-y", "I-x-y"}), (std::vector<Chunk>{{"x-y", 0, 1}}));
  EXPECT_EQ(chunks(Tags{"B", "I"}), (std::vector<Chunk>{{"", 0, 1}}));
}

TEST(Chunks, OtherSchemesAreRefused) {
  EXPECT_THROW(chunks(Tags{"S-a"}), Error);
  EXPECT_THROW(chunks(Tags{""}), Error);
  EXPECT_THROW(chunks(Tags{"BX-a"}), Error);
}

TEST(Chunks, ScoresByTypeAndWholeSentences) {
  ChunkScorer scorer;
  scorer.add(Tags{"B-a", "O", "B-b"}, Tags{"B-a", "O", "B-a"});
  scorer.add(Tags{"O", "B-b", "I-b"}, Tags{"O", "I-b", "I-b"});
  scorer.add(Tags{"O"}, Tags{"O"});
  EXPECT_EQ(scorer.by_type().at("a").predicted, 2U);
  EXPECT_EQ(scorer.by_type().at("a").correct, 1U);
  EXPECT_EQ(scorer.by_type().at("b").gold, 2U);
  EXPECT_EQ(scorer.by_type().at("b").correct, 1U);
  EXPECT_EQ(scorer.total().correct, 2U);
  EXPECT_EQ(scorer.tokens(), 7U);
  EXPECT_EQ(scorer.correct_tokens(), 5U);
  EXPECT_EQ(scorer.sentences(), 3U);
  EXPECT_EQ(scorer.exact_sentences(), 2U);  // other tags, the same chunks
  EXPECT_THROW(scorer.add(Tags{"O"}, Tags{}), Error);
}

TEST(Chunks, ExactMatchNeedsIntentAndSlots) {
  const Tags gold = {"B-a", "I-a"}, same = {"I-a", "I-a"}, other = {"B-a", "B-a"};
  EXPECT_TRUE(exact_match(true, gold, same));
  EXPECT_FALSE(exact_match(false, gold, same));
  EXPECT_FALSE(exact_match(true, gold, other));
  EXPECT_FALSE(exact_match(true, gold, same, ChunkRule::kStrict));
}

TEST(Chunks, NoEntitiesHaveNoF1) {
  ChunkScorer scorer;
  scorer.add(Tags{"O"}, Tags{"O"});
  EXPECT_FALSE(scorer.total().scores().f1);
}

}  // namespace
}  // namespace discreet::stats
