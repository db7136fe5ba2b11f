// Reference values of fairness.md 6.7 and studies.md S1 (computed there in double precision with an
// independent implementation), to the digits given.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "discreet/stats/intervals.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {
namespace {

void expect_interval(const Interval& ci, double low, double high, double tolerance) {
  EXPECT_NEAR(ci.low, low, tolerance);
  EXPECT_NEAR(ci.high, high, tolerance);
}

TEST(IntervalsGolden, Wilson) {
  expect_interval(wilson(7, 10), 0.396778147461, 0.892208732594, 1e-12);
  expect_interval(wilson(0, 12), 0, 0.242494006655, 1e-12);
  expect_interval(wilson(45, 120), 0.293524297864, 0.464230493740, 1e-12);
}

TEST(IntervalsGolden, ClopperPearson) {
  expect_interval(clopper_pearson(7, 10), 0.347547149940, 0.933260488822, 1e-12);
  expect_interval(clopper_pearson(25, 250), 0.066, 0.144, 5e-4);
  expect_interval(clopper_pearson(125, 1250), 0.084, 0.118, 5e-4);
  EXPECT_NEAR(clopper_pearson(60, 60, 0.90).low, 1 - 0.049, 5e-4);
}

TEST(IntervalsGolden, Newcombe) {
  expect_interval(newcombe_difference(56, 70, 48, 80), 0.052431472, 0.333872654, 1e-9);
}

TEST(IntervalsGolden, DeLongOnTheLogitScale) {
  const std::vector<double> positives = {.5, .8, .9, .4, .6, .71};
  const std::vector<double> negatives = {.1, .2, .3, .21, .31, .55};
  const AucEstimate estimate = delong(positives, negatives);
  EXPECT_NEAR(estimate.auc, 17.0 / 18, 1e-12);
  EXPECT_NEAR(estimate.variance, 0.004320987654, 1e-12);
  ASSERT_TRUE(estimate.ci);
  expect_interval(*estimate.ci, 0.593327264, 0.994976985, 1e-9);
}

TEST(IntervalsGolden, DeLongPaired) {
  const std::array y = {0, 0, 1, 1, 0, 1, 0, 1};
  const std::array s1 = {.1, .4, .35, .8, .2, .9, .5, .5};
  const std::array s2 = {.3, .2, .6, .7, .65, .55, .1, .25};
  std::vector<double> p1, n1, p2, n2;
  for (std::size_t i = 0; i < y.size(); ++i) {
    (y[i] ? p1 : n1).push_back(s1[i]);
    (y[i] ? p2 : n2).push_back(s2[i]);
  }
  const AucComparison c = delong_paired(p1, n1, p2, n2);
  EXPECT_NEAR(c.first.auc, 0.84375, 1e-15);
  EXPECT_NEAR(c.second.auc, 0.75, 1e-15);
  EXPECT_NEAR(c.first.variance, 0.022786458333, 1e-12);
  EXPECT_NEAR(c.second.variance, 0.041666666667, 1e-12);
  EXPECT_NEAR(c.covariance, -0.010416666667, 1e-12);
  ASSERT_TRUE(c.z && c.p_value);
  EXPECT_NEAR(*c.z, 0.321019368753, 1e-12);
  EXPECT_NEAR(*c.p_value, 0.748195712958, 1e-12);
}

TEST(IntervalsGolden, JigsawToy) {
  // fairness.md 6.3: subgroup, background-positive and background-negative AUC.
  const std::vector<double> bn = {.1, .2, .3}, sn = {.21, .31, .55}, bp = {.5, .8, .9},
                            sp = {.4, .6, .71};
  EXPECT_NEAR(delong(sp, sn).auc, 8.0 / 9, 1e-15);
  EXPECT_NEAR(delong(bp, sn).auc, 8.0 / 9, 1e-15);
  EXPECT_NEAR(delong(sp, bn).auc, 1, 1e-15);
}

}  // namespace
}  // namespace discreet::stats
