// Values of public implementations, as listed in each test, and independent recomputations.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/privacy/internal/gaussian.h"
#include "discreet/privacy/lower_bound.h"
#include "discreet/stats/intervals.h"

namespace discreet::privacy {
namespace {

TEST(LowerBoundGolden, ClopperPearson) {
  // TF Privacy epsilon_lower_bound_test.py line 130 (the figures of Nasr et al. 2021's example).
  EXPECT_NEAR(clopper_pearson_epsilon({500, 0, 0, 500}, 0, .01), 4.541916, 1e-6);
  EXPECT_NEAR(clopper_pearson_epsilon({95, 5, 5, 95}, 1e-5, .05), 2.062094, 1e-6);
  // The rule and its reverse have the same two ends.
  EXPECT_EQ(clopper_pearson_epsilon({95, 5, 5, 95}, 1e-5, .05, true),
            clopper_pearson_epsilon({95, 5, 5, 95}, 1e-5, .05));
  EXPECT_GT(clopper_pearson_epsilon({60, 40, 40, 999960}, 0, .05),
            clopper_pearson_epsilon({999960, 40, 40, 60}, 0, .05));
  EXPECT_EQ(clopper_pearson_epsilon({50, 50, 50, 50}, 0, .05, true), 0);
}

TEST(LowerBoundGolden, RatioBounds) {
  // TF Privacy epsilon_lower_bound_test.py lines 49-62, from the R package asbio.
  struct Row {
    AttackCounts counts;
    double values[4];
  };
  const Row rows[] = {
      {{473, 511, 755, 950}, {1.01166194, 1.01189079, 1.01148934, 1.01167669}},
      {{2, 697, 213, 313}, {.00220470, .00310880, .00162322, .00233503}},
      {{1000, 10, 10, 10000}, {589.27335593, 568.32659563, 613.58766147, 592.63264572}}};
  for (const Row& row : rows) {
    for (int i = 0; i < 4; ++i) {
      const double bound = ratio_lower_bound(row.counts, kRatioMethods[i], .05);
      EXPECT_NEAR(bound / row.values[i], 1, 3e-6) << name(kRatioMethods[i]);
      EXPECT_NEAR(bound, row.values[i], 2e-8 * std::max(1.0, bound));
    }
  }
  EXPECT_EQ(ratio_lower_bound({0, 10, 1, 9}, RatioMethod::kKatzLog, .05), 0);
  for (const auto method : kRatioMethods) {
    const double bound = ratio_lower_bound({10, 0, 0, 10}, method, .05);
    EXPECT_TRUE(std::isfinite(bound) && bound >= 0) << name(method);
  }
}

TEST(LowerBoundGolden, OneRun) {
  // Recomputed from Theorem 5.2 of Steinke, Nasr and Jagielski 2023.
  EXPECT_NEAR(one_run_epsilon({1000, 100, 90}, 1e-5, .05), 1.626143, 1e-6);
  EXPECT_NEAR(one_run_epsilon({1000, 100, 100}, 0, .05), 3.492965, 1e-6);
  // beta by hand: all of r right has probability p^r.
  EXPECT_NEAR(one_run_p_value({10, 3, 3}, std::log(3.0), 0), std::pow(.75, 3), 1e-14);
  // delta: alpha = max_i P[v - i <= Bin < v] / i, here P[Bin = 2] = 27/64 at i = 1.
  EXPECT_NEAR(one_run_p_value({10, 3, 3}, std::log(3.0), 1e-3), 27. / 64 + 2e-2 * 27 / 64, 1e-14);
  EXPECT_EQ(one_run_p_value({10, 3, 0}, 1, 0.1), 1);
  EXPECT_EQ(one_run_epsilon({1000, 100, 50}, 1e-5, .05), 0);
  EXPECT_EQ(one_run_epsilon({1000, 0, 0}, 1e-5, .05), 0);
  EXPECT_EQ(one_run_epsilon({1000, 100, 90}, 1e-5, .05, 3), 3) << "what is known already stands";
}

/// Scores of jax_privacy tests/auditing_test.py: Phi^-1((i + .5)/1e4) without, the same + mu with.
std::pair<std::vector<double>, std::vector<double>> normal_scores(double mu, bool other = false) {
  std::vector<double> with, without;
  for (int i = 0; i < 10000; ++i) {
    const double p = other ? (i + 1.0) / 10001 : (i + .5) / 1e4;
    without.push_back(stats::normal_quantile(p));
    with.push_back(without.back() + mu);
  }
  return {with, without};
}

double hull_epsilon(const std::vector<AttackCounts>& hull, bool gaussian) {
  double best = 0;
  const double level = .05 / static_cast<double>(hull.size());
  for (const AttackCounts& c : hull) {
    const OneRun run{20000, c.tp + c.fp, c.tp};
    best = gaussian ? one_run_gaussian_epsilon(run, 1e-6, level, best)
                    : one_run_epsilon(run, 1e-6, level, best);
  }
  return best;
}

TEST(LowerBoundGolden, OneRunEndToEnd) {
  const double expected[][3] = {{1, 1.13346, 2.164749}, {2, 2.311945, 4.7218075},
                                {4, 4.395568, 9.133752}};
  for (const auto& [mu, one_run, gaussian] : expected) {
    const auto [with, without] = normal_scores(mu);
    const auto hull = threshold_hull(with, without);
    if (mu == 1) {
      EXPECT_EQ(hull.size(), 386u);
    }
    EXPECT_NEAR(hull_epsilon(hull, false), one_run, 2e-6) << mu;
    EXPECT_NEAR(hull_epsilon(hull, true), gaussian, 2e-5) << mu;
    EXPECT_LT(gaussian, internal::gaussian_epsilon(mu, 1e-6)) << "both are below the truth";
  }
  const auto [with, without] = normal_scores(1, true);
  EXPECT_NEAR(hull_epsilon(threshold_hull(with, without), false), 1.13143, 1e-5);
}

TEST(LowerBound, HullHoldsTheVerticesOfTheCurve) {
  // Thresholds 1..4 and infinity: (fn, tn) = (0,0) (0,1) (1,1) (1,2) (2,2).
  const std::vector<double> with = {2, 4}, without = {1, 3};
  const auto hull = threshold_hull(with, without);
  EXPECT_EQ(hull, (std::vector<AttackCounts>{{2, 0, 2, 0}, {2, 0, 1, 1}, {1, 1, 0, 2}, {0, 2, 0, 2}}));
  // Equal scores cannot be told apart: only the two trivial rules.
  EXPECT_EQ(threshold_hull(std::vector<double>{1, 1}, std::vector<double>{1, 1, 1}).size(), 2u);
  EXPECT_EQ(counts_at(with, without, 3), (AttackCounts{1, 1, 1, 1}));
  // No rule off the hull beats it in TPR - w FPR.
  core::ReproducibleRng rng(8);
  std::vector<double> in, out;
  for (int i = 0; i < 60; ++i) in.push_back(std::floor(10 * rng.normal() + 8)), out.push_back(std::floor(10 * rng.normal()));
  const auto vertices = threshold_hull(in, out);
  for (const double w : {0.1, 0.5, 1.0, 3.0}) {
    const auto value = [&](const AttackCounts& c) {
      return static_cast<double>(c.tp) - w * static_cast<double>(c.fp);
    };
    double best = -HUGE_VAL, any = -HUGE_VAL;
    for (const auto& c : vertices) best = std::max(best, value(c));
    for (double t = -60; t <= 61; t += 1) any = std::max(any, value(counts_at(in, out, t)));
    EXPECT_EQ(best, any);
  }
}

TEST(LowerBound, GaussianMuIsBelowTheTruthAndFewTrialsSayNothing) {
  const AttackCounts one{841, 159, 159, 841};  // mu = 2 at the threshold in the middle.
  const double mu = gdp_mu_lower_bound(std::vector{one}, .05);
  EXPECT_GT(mu, 1.8);
  EXPECT_LT(mu, 2);
  EXPECT_NEAR(gdp_epsilon_lower_bound(std::vector{one}, 1e-5, .05),
              internal::gaussian_epsilon(mu, 1e-5), 1e-12);
  // Upper ends near 1 on both sides are ignorance, not evidence.
  EXPECT_EQ(gdp_mu_lower_bound(std::vector{AttackCounts{1, 1, 1, 1}}, .05), 0);
  EXPECT_EQ(gdp_mu_lower_bound(std::vector{AttackCounts{0, 3, 3, 0}}, .05), 0);
  EXPECT_NEAR(internal::gaussian_delta(internal::gaussian_mu(1.3, 1e-6), 1.3) / 1e-6, 1, 1e-9);
}

TEST(LowerBound, RefusesWhatIsNoAudit) {
  EXPECT_THROW(clopper_pearson_epsilon({0, 0, 1, 1}, 0, .05), Error);
  EXPECT_THROW(clopper_pearson_epsilon({1, 1, 1, 1}, 0, .6), Error);
  EXPECT_THROW(clopper_pearson_epsilon({1, 1, 1, 1}, 1, .05), Error);
  EXPECT_THROW(one_run_epsilon({10, 11, 1}, 0, .05), Error);
  EXPECT_THROW(one_run_epsilon({10, 5, 6}, 0, .05), Error);
  EXPECT_THROW(one_run_epsilon({0, 0, 0}, 0, .05), Error);
  EXPECT_THROW(one_run_gaussian_epsilon({10, 5, 5}, 0, .05), Error);
  EXPECT_THROW(gdp_epsilon_lower_bound(std::vector{AttackCounts{1, 1, 1, 1}}, 0, .05), Error);
}

TEST(LowerBoundStatistical, OneRunHoldsForRandomisedResponse) {
  // Guessing by randomised response of epsilon 1 is the worst case of pure DP: the bound may exceed 1
  // in at most 5 % of the trials. 2,000 trials; more than 150 have probability below 1e-6 if so.
  core::ReproducibleRng rng(91);
  const double p = 1 / (1 + std::exp(-1.0));
  int above = 0;
  double mean = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::uint64_t correct = 0;
    for (int i = 0; i < 400; ++i) correct += rng.uniform() < p;
    const double bound = one_run_epsilon({400, 400, correct}, 0, .05);
    above += bound > 1;
    mean += bound / 2000;
  }
  EXPECT_LT(above, 150);
  EXPECT_GT(above, 40) << "it is nearly tight";
  EXPECT_GT(mean, .7);
}

}  // namespace
}  // namespace discreet::privacy
