#include "discreet/stats/roc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

using Scores = std::vector<double>;

TEST(Roc, TiesMakeOnePoint) {
  const Scores positives = {3, 2, 2, 1}, negatives = {2, 1, 0};
  const Roc roc = roc_curve(positives, negatives);
  ASSERT_EQ(roc.points.size(), 5U);  // +inf, 3, 2, 1, 0
  EXPECT_EQ(roc.points[2].threshold, 2);
  EXPECT_EQ(roc.points[2].true_positives, 3U);
  EXPECT_EQ(roc.points[2].false_positives, 1U);
  // Pairs: 3 beats 3; each 2 beats 2 and ties 1; 1 beats 1 and ties 1: 3 + 5 + 1.5 of 12.
  EXPECT_DOUBLE_EQ(delong(positives, negatives).auc, 9.5 / 12);
  EXPECT_DOUBLE_EQ(roc.advantage(), 0.75 - 1.0 / 3);
}

TEST(Roc, AllTiedIsChance) {
  const Scores scores(7, 0.5);
  EXPECT_EQ(delong(scores, scores).auc, 0.5);
  const Roc roc = roc_curve(scores, scores);
  EXPECT_EQ(roc.points.size(), 2U);
  EXPECT_EQ(roc.advantage(), 0);
}

TEST(Roc, InfinitiesAreInOrderAndNanIsRefused) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(delong(Scores{inf, 1}, Scores{-inf, 0}).auc, 1);
  EXPECT_THROW(delong(Scores{NAN}, Scores{0}), Error);
  EXPECT_THROW(roc_curve(Scores{}, Scores{0}), Error);
}

TEST(Roc, CompleteSeparationHasAnIntervalAllTheSame) {
  const AucEstimate estimate = delong(Scores{4, 5, 6, 7}, Scores{1, 2, 3});
  EXPECT_EQ(estimate.auc, 1);
  ASSERT_TRUE(estimate.ci);
  EXPECT_LT(estimate.ci->low, 0.6);
  EXPECT_EQ(estimate.ci->high, 1);
  EXPECT_FALSE(delong(Scores{4}, Scores{1, 2, 3}).ci);
}

TEST(Roc, TprAtFprNeedsTenFalsePositivesToExpect) {
  Scores positives, negatives;
  for (int i = 0; i < 1000; ++i) negatives.push_back(i);
  for (int i = 0; i < 100; ++i) positives.push_back(i < 30 ? 2000 : i);
  const Roc roc = roc_curve(positives, negatives);
  const TprAtFpr one = tpr_at_fpr(roc, 0.01);
  ASSERT_TRUE(one.tpr);
  EXPECT_EQ(one.false_positives, 10U);
  EXPECT_DOUBLE_EQ(*one.tpr, 0.3);
  EXPECT_NEAR(one.ci->low, clopper_pearson(30, 100).low, 1e-15);
  const TprAtFpr thousandth = tpr_at_fpr(roc, 0.001);
  EXPECT_FALSE(thousandth.tpr);
  EXPECT_NE(thousandth.reason.find("10000"), std::string::npos) << thousandth.reason;
  negatives.resize(999);
  EXPECT_FALSE(tpr_at_fpr(roc_curve(positives, negatives), 0.01).tpr);
}

TEST(Roc, TprAtFprDoesNotSplitTies) {
  Scores negatives(1000, 0.0);
  for (int i = 0; i < 11; ++i) negatives[i] = 1;  // 11 > 10 allowed: the tie stays out whole
  const Scores positives = {1, 1, 0};
  const TprAtFpr result = tpr_at_fpr(roc_curve(positives, negatives), 0.01);
  ASSERT_TRUE(result.tpr);
  EXPECT_EQ(*result.tpr, 0);
}

}  // namespace
}  // namespace discreet::stats
