// Reference values: scipy 1.17 (fisher_exact, mannwhitneyu, kstwo), and Marsaglia, Tsang and Wang 2003 for
// P(D_10 < .274); the skew-normal's ln cdf by quadrature with 40 digits (mpmath).
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/skew_normal.h"
#include "discreet/stats/two_samples.h"

namespace discreet::stats {
namespace {

TEST(FisherExactTest, AgreesWithReferenceValues) {
  const FisherExact a = fisher_exact(7, 12, 2, 12);
  EXPECT_NEAR(a.greater, 0.04468972943868623, 1e-12);
  EXPECT_NEAR(a.two_sided, 0.08937945887737245, 1e-12);
  EXPECT_NEAR(a.less, 0.9952887333423072, 1e-12);
  EXPECT_NEAR(fisher_exact(30, 60, 0, 60).greater / 6.9671749690184645e-12, 1, 1e-9);
}

// 2 of 2 against 0 of 2: one of the six ways to choose two of four.
TEST(FisherExactTest, ByHandAndAtItsEdges) {
  EXPECT_NEAR(fisher_exact(2, 2, 0, 2).greater, 1.0 / 6, 1e-15);
  EXPECT_NEAR(fisher_exact(0, 2, 2, 2).less, 1.0 / 6, 1e-15);
  EXPECT_EQ(fisher_exact(0, 0, 3, 5).greater, 1);
  EXPECT_NEAR(fisher_exact(0, 4, 0, 6).two_sided, 1, 1e-12);
  EXPECT_THROW(fisher_exact(3, 2, 0, 2), Error);
}

TEST(MannWhitneyTest, AgreesWithReferenceValues) {
  const MannWhitney a = mann_whitney(std::vector{1.0, 5.0, 7.0, 9.0}, std::vector{2.0, 3.0, 4.0, 6.0, 8.0, 10.0});
  EXPECT_TRUE(a.exact);
  EXPECT_EQ(a.statistic, 12);
  EXPECT_NEAR(a.greater, 0.5428571428571428, 1e-12);
  EXPECT_NEAR(a.two_sided, 1.0, 1e-12);
  std::vector<double> x, y;
  for (int i = 0; i < 150; ++i) x.push_back(i);
  for (int i = 0; i < 120; ++i) y.push_back(i * 1.3 + 10);
  const MannWhitney b = mann_whitney(x, y);
  EXPECT_FALSE(b.exact);
  EXPECT_EQ(b.statistic, 7554.5);
  EXPECT_NEAR(b.two_sided, 0.02342634854725464, 1e-10);
  EXPECT_NEAR(b.less, 0.01171317427362732, 1e-10);
}

// Values 1, 1, 2 | 1, 3: midranks 2, 2, 4 | 2, 5. Of the 10 choices of three of (2, 2, 2, 4, 5), sums are
// 6 once, 8 and 9 three times, 11 three times; seen is 8.
TEST(MannWhitneyTest, IsExactUnderTies) {
  const MannWhitney result = mann_whitney(std::vector{1.0, 1.0, 2.0}, std::vector{1.0, 3.0});
  EXPECT_NEAR(result.less, 0.4, 1e-12);
  EXPECT_NEAR(result.greater, 0.9, 1e-12);
  EXPECT_EQ(mann_whitney(std::vector{1.0, 1.0}, std::vector{1.0}).two_sided, 1);
  EXPECT_THROW(mann_whitney(std::vector<double>{}, std::vector{1.0}), Error);
}

TEST(UniformityTest, AgreesWithReferenceValues) {
  // Ten values whose largest distance from the diagonal is d: the first lies at 1/10 + d - 1/10.
  const auto with_distance = [](double d, int n) {
    std::vector<double> values;
    for (int i = 0; i < n; ++i) values.push_back(std::min(1.0, i / static_cast<double>(n) + d));
    return uniformity(values);
  };
  EXPECT_NEAR(with_distance(0.274, 10).p_value, 1 - 0.6284796154565043, 1e-9);
  EXPECT_NEAR(with_distance(0.2, 10).p_value, 0.7487190399999999, 1e-9);
  EXPECT_NEAR(with_distance(0.15, 60).p_value, 0.12110534950589669, 1e-9);
  EXPECT_NEAR(with_distance(0.15, 60).statistic, 0.15, 1e-12);
  EXPECT_THROW(uniformity(std::vector{0.5, 1.5}), Error);
}

TEST(UniformityTest, SeesWhatIsNotUniform) {
  core::ReproducibleRng rng(4, "uniformity");
  std::vector<double> uniform, squared;
  for (int i = 0; i < 60; ++i) {
    uniform.push_back(rng.uniform());
    squared.push_back(uniform.back() * uniform.back());
  }
  EXPECT_GT(uniformity(uniform).p_value, 0.01);
  EXPECT_LT(uniformity(squared).p_value, 0.01);
}

TEST(SkewNormalTest, CdfAgreesWithReferenceValuesInBothTails) {
  EXPECT_NEAR(log_cdf({0, 1, 0}, -1.5), -2.70594440082389, 1e-11);
  EXPECT_NEAR(log_cdf({1, 2, 3}, 0.5), -3.44849955441034, 1e-11);
  EXPECT_NEAR(log_cdf({0, 1, 3}, -2), -26.0039150142208, 1e-9);
  EXPECT_NEAR(log_cdf({0, 1, 3}, -6), -188.138002536801, 1e-8);
  EXPECT_NEAR(log_cdf({10, 3, -4}, 2), -4.87164393526007, 1e-11);
  EXPECT_NEAR(log_cdf({0, 1, 5}, 4), -6.33444898860781e-5, 1e-9);
  EXPECT_NEAR(log_cdf({0, 1, -2}, -30), -453.628096775783, 1e-8);
  EXPECT_NEAR(log_cdf({0, 1, 2}, 60), 0, 1e-9);
}

/// Quantiles of a known distribution, found by bisection: the fit must give it back.
TEST(SkewNormalTest, FitFindsTheDistributionThatTheValuesComeFrom) {
  for (const SkewNormal& truth : {SkewNormal{5, 2, 4}, SkewNormal{-3, 0.5, -2}, SkewNormal{0, 1, 1.5}}) {
    std::vector<double> values;
    for (int i = 0; i < 200; ++i) {
      const double wanted = std::log((i + 0.5) / 200);
      double low = truth.location - 8 * truth.scale, high = truth.location + 8 * truth.scale;
      for (int step = 0; step < 40; ++step) {
        const double middle = (low + high) / 2;
        (log_cdf(truth, middle) < wanted ? low : high) = middle;
      }
      values.push_back(low);
    }
    const SkewNormal fit = fit_skew_normal(values);
    EXPECT_NEAR(fit.location, truth.location, 0.05 * truth.scale);
    EXPECT_NEAR(fit.scale / truth.scale, 1, 0.03);
    EXPECT_NEAR(fit.shape / truth.shape, 1, 0.1);
  }
}

TEST(SkewNormalTest, RefusesWhatHasNoFit) {
  EXPECT_THROW(fit_skew_normal(std::vector{1.0, 2.0}), Error);
  EXPECT_THROW(fit_skew_normal(std::vector{1.0, 1.0, 1.0}), Error);
  EXPECT_THROW(fit_skew_normal(std::vector<double>{1.0, 2.0, NAN}), Error);
  // Half-normal values: the likelihood grows with the shape without bound.
  std::vector<double> half;
  for (int i = 1; i < 30; ++i) half.push_back(i * i);
  EXPECT_LE(std::abs(fit_skew_normal(half).shape), 100);
}

}  // namespace
}  // namespace discreet::stats
