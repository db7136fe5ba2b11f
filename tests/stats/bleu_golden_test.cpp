// Values of sacreBLEU 2.x, corpus BLEU with its defaults (13a, exp).
#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/stats/bleu.h"

namespace discreet::stats {
namespace {

using Counts = std::array<std::uint64_t, BleuScorer::kOrder>;

TEST(BleuGolden, CorpusWithTwoReferences) {
  BleuScorer first, second;
  first.add("The cat sat on the mat.",
            std::vector<std::string>{"The cat lay on the mat.", "A cat sat on a mat, quietly."});
  second.add("It cost $1,000.50 in 1990-91, didn't it?",
             std::vector<std::string>{"It cost $1,000.50 in 1990-1991, did it not?",
                                      "In 1990 it cost 1,000 dollars &amp; more."});
  first += second;
  EXPECT_NEAR(first.score(), 56.918789060486766, 1e-9);
  EXPECT_EQ(first.correct(), (Counts{17, 12, 8, 5}));
  EXPECT_EQ(first.total(), (Counts{19, 17, 15, 13}));
  EXPECT_NEAR(first.brevity_penalty(), 0.9487294800164372, 1e-12);
  EXPECT_EQ(first.prediction_tokens(), 19u);
  EXPECT_EQ(first.reference_tokens(), 20u);
}

TEST(BleuGolden, OrdersWithoutMatchesAreSmoothed) {
  BleuScorer scorer;
  scorer.add("one two three nine", std::vector<std::string>{"one two four three"});
  EXPECT_NEAR(scorer.score(), 35.35533905932737, 1e-9);
}

TEST(BleuGolden, ShortTextsArePunished) {
  BleuScorer scorer;
  scorer.add("the cat sat on mat", std::vector<std::string>{"the cat sat on the mat today"});
  EXPECT_NEAR(scorer.score(), 47.39878501170795, 1e-9);
}

TEST(BleuGolden, TextsBelowFourTokensHaveNoScore) {
  BleuScorer scorer;
  EXPECT_EQ(scorer.score(), 0);
  scorer.add("the cat sat", std::vector<std::string>{"the cat sat"});
  EXPECT_EQ(scorer.score(), 0);
  EXPECT_THROW(scorer.add("x", {}), Error);
}

TEST(BleuGolden, Tokens) {
  const std::vector<std::string> expected = {"It's", "\"", "3", "-", "4", "\"", ",", "1,000.5", "or",
                                             ".", "5", ";", "a-b", ",", "x", ".", "y", "(", "see",
                                             "it", ")", "."};
  EXPECT_EQ(bleu_tokens("It's &quot;3-4&quot;, 1,000.5 or .5; a-b, x.y (see <skipped>it)."), expected);
}

}  // namespace
}  // namespace discreet::stats
