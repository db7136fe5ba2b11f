#include "discreet/stats/correlation.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::stats {
namespace {

// By hand: deviations (-1.5 -.5 .5 1.5) and (-1.5 .5 -.5 1.5); 5 concordant pairs of 6.
TEST(CorrelationTest, FourPairsByHand) {
  const Correlation found = correlate(std::array{1., 2., 3., 4.}, std::array{1., 3., 2., 4.});
  EXPECT_NEAR(*found.pearson, 0.8, 1e-12);
  EXPECT_NEAR(*found.spearman, 0.8, 1e-12);
  EXPECT_NEAR(*found.kendall_b, 4 / 6.0, 1e-12);
  // t = .8 sqrt(2 / .36) = 1.8856 with 2 degrees of freedom: p = 1 - t / sqrt(2 + t^2) = .2.
  EXPECT_NEAR(*found.pearson_p, 0.2, 1e-9);
}

// Ties by hand: 4 of 6 pairs differ in both, 3 agree and 1 does not; 5 differ in x, 5 in y.
TEST(CorrelationTest, TiesInKendallsTauB) {
  const Correlation found = correlate(std::array{1., 1., 2., 3.}, std::array{1., 2., 2., 1.5});
  // Pairs of (x, y): (1,2) tie in x; (1,3)+ (1,4)+ (2,3) tie in y; (2,4)- (3,4)-
  EXPECT_NEAR(*found.kendall_b, 0 / 5.0, 1e-12);
}

TEST(CorrelationTest, MonotoneMapsLeaveRanksAlone) {
  core::ReproducibleRng rng(3, "correlation");
  std::vector<double> x, y, z;
  for (int i = 0; i < 40; ++i) {
    x.push_back(rng.uniform());
    y.push_back(x.back() + rng.uniform());
    z.push_back(std::exp(3 * y.back()));
  }
  const Correlation plain = correlate(x, y), mapped = correlate(x, z);
  EXPECT_DOUBLE_EQ(*plain.spearman, *mapped.spearman);
  EXPECT_DOUBLE_EQ(*plain.kendall_b, *mapped.kendall_b);
  EXPECT_NE(*plain.pearson, *mapped.pearson);
  EXPECT_TRUE(plain.pearson_ci->contains(*plain.pearson));
}

TEST(CorrelationTest, WhatDoesNotVaryHasNone) {
  const Correlation found = correlate(std::array{1., 1., 1.}, std::array{1., 2., 3.});
  EXPECT_FALSE(found.pearson.has_value());
  EXPECT_FALSE(found.reason.empty());
  EXPECT_FALSE(correlate(std::array{1., 2.}, std::array{1., 2.}).pearson.has_value());
}

TEST(CorrelationTest, PerfectOnesAreOne) {
  const Correlation found = correlate(std::array{1., 2., 3., 4., 5.}, std::array{-2., -4., -6., -8., -10.});
  EXPECT_NEAR(*found.pearson, -1, 1e-12);
  EXPECT_NEAR(*found.kendall_b, -1, 1e-12);
  EXPECT_LT(*found.pearson_p, 1e-6);
}

}  // namespace
}  // namespace discreet::stats
