#include "discreet/stats/dependent_correlations.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/correlation.h"

namespace discreet::stats {
namespace {

// The example of the R package psych, r.test(103, .4, .5, .1): "t value -0.89 with probability < 0.37".
TEST(WilliamsTestGolden, PublishedExample) {
  const auto test = williams_test(.4, .5, .1, 103);
  ASSERT_TRUE(test);
  EXPECT_EQ(test->degrees, 100u);
  EXPECT_NEAR(test->t, -0.8913, 1e-4);
  EXPECT_NEAR(test->p_value, 0.3749, 1e-4);
}

TEST(WilliamsTest, IsSignedAndSymmetric) {
  const auto ab = williams_test(.6, .3, .2, 50), ba = williams_test(.3, .6, .2, 50);
  EXPECT_GT(ab->t, 0);
  EXPECT_NEAR(ab->t, -ba->t, 1e-12);
  EXPECT_EQ(williams_test(.4, .4, .7, 20)->t, 0);
  EXPECT_NEAR(williams_test(.4, .4, .7, 20)->p_value, 1, 1e-12);
}

TEST(WilliamsTest, AbsentWhereItSaysNothing) {
  EXPECT_FALSE(williams_test(.5, .2, .1, 3));
  EXPECT_FALSE(williams_test(1, .2, .2, 30));
  EXPECT_FALSE(williams_test(.9, -.9, .9, 30)) << "no three variables have these";
  EXPECT_THROW(williams_test(1.1, 0, 0, 30), Error);
  EXPECT_THROW(williams_test(NAN, 0, 0, 30), Error);
}

// Under equal true correlations p is below .05 in about one of twenty data sets: 3 of 400 false alarms at 1e-6 would
// be 40.
TEST(WilliamsTestStatistical, HoldsItsLevel) {
  core::ReproducibleRng rng(5, "williams");
  int rejected = 0;
  constexpr int kTrials = 400, kCases = 40;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> y(kCases), a(kCases), b(kCases);
    for (int i = 0; i < kCases; ++i) {
      y[i] = rng.normal();
      const double shared = rng.normal();
      a[i] = y[i] + shared + rng.normal();
      b[i] = y[i] + shared + rng.normal();
    }
    const double r12 = *correlate(y, a).pearson, r13 = *correlate(y, b).pearson, r23 = *correlate(a, b).pearson;
    rejected += williams_test(r12, r13, r23, kCases)->p_value < 0.05;
  }
  EXPECT_GE(rejected, 5);
  EXPECT_LE(rejected, 44);
}

// Critical values of the design: at n = 75 equivalence within .3 needs |r| < .115; no r shows it at n = 31.
TEST(EquivalenceGolden, WhatTheNumberOfModelsCanShow) {
  EXPECT_NEAR(equivalence_of_correlation(0, 75, .3)->smallest_r, .115, .0006);
  EXPECT_LT(equivalence_of_correlation(0, 31, .3)->smallest_r, 0);
  EXPECT_GT(equivalence_of_correlation(0, 31, .3)->p_value, .05);
  EXPECT_LT(equivalence_of_correlation(.11, 75, .3)->p_value, .05);
  EXPECT_GT(equivalence_of_correlation(.12, 75, .3)->p_value, .05);
}

TEST(Equivalence, ItsIntervalDecides) {
  for (const double r : {-.4, -.2, -.05, 0., .1, .25}) {
    const auto test = equivalence_of_correlation(r, 120, .3);
    EXPECT_EQ(test->p_value < .05, test->ci.low > -.3 && test->ci.high < .3) << r;
    EXPECT_EQ(test->p_value < .05, std::abs(r) < test->smallest_r) << r;
  }
  EXPECT_FALSE(equivalence_of_correlation(0, 3, .3));
  EXPECT_THROW(equivalence_of_correlation(0, 30, 0), Error);
}

}  // namespace
}  // namespace discreet::stats
