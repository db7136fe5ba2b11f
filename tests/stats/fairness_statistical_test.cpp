// Honest statistics of fairness figures: intervals cover what they claim, p-values are uniform where nothing is
// there, and neither names nor the order of rows change anything. Bounds hold with a false-alarm rate below 1e-6.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/stats/correlation.h"
#include "discreet/stats/counterfactual_gap.h"
#include "discreet/stats/reliability.h"

namespace discreet::stats {
namespace {

/// Largest distance of the empirical distribution of p-values to the uniform one.
double distance_to_uniform(std::vector<double> p) {
  std::sort(p.begin(), p.end());
  double most = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double n = static_cast<double>(p.size());
    most = std::max({most, static_cast<double>(i + 1) / n - p[i], p[i] - static_cast<double>(i) / n});
  }
  return most;
}

// 2,000 repetitions at n = 19: coverage has a standard error of .005.
TEST(FairnessStatistics, IntervalsOfCorrelationsCover) {
  for (const double rho : {0., .5, .8}) {
    core::ReproducibleRng rng(21, "coverage");
    int pearson = 0;
    constexpr int kTrials = 2000;
    std::vector<double> x(19), y(19);
    for (int trial = 0; trial < kTrials; ++trial) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = rng.normal();
        y[i] = rho * x[i] + std::sqrt(1 - rho * rho) * rng.normal();
      }
      pearson += correlate(x, y).pearson_ci->contains(rho);
    }
    EXPECT_GT(pearson, .93 * kTrials) << rho;
    EXPECT_LT(pearson, .97 * kTrials) << rho;
  }
}

TEST(FairnessStatistics, CorrelationsOfNothingHaveUniformPValues) {
  core::ReproducibleRng rng(22, "uniform");
  std::vector<double> p, x(12), y(12);
  for (int trial = 0; trial < 1000; ++trial) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = rng.normal();
      y[i] = rng.normal();
    }
    p.push_back(*correlate(x, y).pearson_p);
  }
  EXPECT_LT(distance_to_uniform(p), 2.7 / std::sqrt(1000.));  // Kolmogorov-Smirnov at 1e-6
}

// The mean change of copies that move by an exponential amount of mean .1.
TEST(FairnessStatistics, IntervalsOfCounterfactualGapsCover) {
  core::ReproducibleRng rng(23, "gaps");
  int covered = 0;
  constexpr int kTrials = 500, kOriginals = 120;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> score;
    std::vector<std::uint32_t> set;
    std::vector<std::uint8_t> original;
    for (int i = 0; i < kOriginals; ++i) {
      score.insert(score.end(), {.5, .5 - .1 * std::log(1 - rng.uniform())});
      set.insert(set.end(), 2, static_cast<std::uint32_t>(i));
      original.insert(original.end(), {1, 0});
    }
    const auto found = counterfactual_gap({score, set, original}, .5, {.resamples = 400, .seed = static_cast<std::uint64_t>(trial)});
    covered += found.mean_of_means.ci->contains(.1);
  }
  EXPECT_GT(covered, .90 * kTrials);  // 95 % less the bootstrap's bias at 120 and five standard errors
  EXPECT_LT(covered, .985 * kTrials);
}

TEST(FairnessStatistics, CounterfactualGapsDoNotDependOnTheOrderOrNamesOfSets) {
  const std::vector<double> score = {.2, .4, .9, .8, .1, .5, .6};
  const std::vector<std::uint32_t> set = {0, 0, 1, 1, 1, 2, 2}, renamed = {2, 2, 0, 0, 0, 1, 1};
  const std::vector<std::uint8_t> original = {1, 0, 1, 0, 0, 1, 0};
  const auto a = counterfactual_gap({score, set, original}, .5), b = counterfactual_gap({score, renamed, original}, .5);
  EXPECT_NEAR(*a.mean_of_means.value, *b.mean_of_means.value, 1e-15);
  EXPECT_NEAR(*a.flip_rate.value, *b.flip_rate.value, 1e-15);
  EXPECT_EQ(a.flips, b.flips);
}

// Coverage of the interval of a reliability of .5: 10 targets, 3 repeats.
TEST(FairnessStatistics, IntervalsOfReliabilitiesCover) {
  core::ReproducibleRng rng(24, "reliability");
  int covered = 0;
  constexpr int kTrials = 2000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> values;
    for (int target = 0; target < 10; ++target) {
      const double own = rng.normal();
      for (int repeat = 0; repeat < 3; ++repeat) values.push_back(own + rng.normal());
    }
    covered += intraclass_correlation(values, 10, 3)->ci.contains(.5);
  }
  EXPECT_GT(covered, .93 * kTrials);
  EXPECT_LT(covered, .97 * kTrials);
}

}  // namespace
}  // namespace discreet::stats
