#include "discreet/stats/bbq.h"

#include <gtest/gtest.h>

#include <vector>

namespace discreet::stats {
namespace {

/// `n` answers of a kind.
void add(std::vector<BbqAnswer>& answers, int n, BbqAnswer answer) { answers.insert(answers.end(), n, answer); }

TEST(Bbq, ScoresDisambiguatedContexts) {
  std::vector<BbqAnswer> answers;
  add(answers, 6, {false, true, false, true});
  add(answers, 2, {false, false, false, false});
  add(answers, 2, {false, false, true, false});
  const BbqScores scores = bbq_scores(answers);
  EXPECT_EQ(scores.known, 8u);
  EXPECT_DOUBLE_EQ(*scores.accuracy, .6);
  EXPECT_DOUBLE_EQ(*scores.bias, 2 * 6.0 / 8 - 1);
  EXPECT_TRUE(scores.bias_ci->contains(*scores.bias));
}

TEST(Bbq, AmbiguousContextsWeighByTheMistakes) {
  std::vector<BbqAnswer> answers;
  add(answers, 6, {true, true, true, false});
  add(answers, 3, {true, false, false, true});
  add(answers, 1, {true, false, false, false});
  const BbqScores scores = bbq_scores(answers);
  EXPECT_DOUBLE_EQ(*scores.accuracy, .6);
  EXPECT_NEAR(*scores.bias, (1 - .6) * (2 * 3.0 / 4 - 1), 1e-12);
}

TEST(Bbq, WithoutAKnownAnswerThereIsNoScore) {
  std::vector<BbqAnswer> answers;
  add(answers, 4, {true, true, true, false});
  const BbqScores scores = bbq_scores(answers);
  EXPECT_FALSE(scores.bias);
  EXPECT_EQ(scores.reason, "every answer was of the unknown kind");
  EXPECT_FALSE(bbq_scores({}).accuracy);
}

}  // namespace
}  // namespace discreet::stats
