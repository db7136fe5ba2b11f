// Coverage by simulation: `kTrials` data sets with a known truth. A method whose true coverage is
// in
// [.93, .97] leaves the band [.905, .99] with probability below 1e-6 (binomial, 2,000 trials).
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {
namespace {

constexpr int kTrials = 2000;

void expect_coverage(int covered) {
  const double rate = double(covered) / kTrials;
  EXPECT_GT(rate, 0.905);
  EXPECT_LT(rate, 0.99);
}

TEST(IntervalsStatistical, DeLongCoversTheTrueAuc) {
  core::ReproducibleRng rng(11);
  const double truth = normal_cdf(0.8 / std::sqrt(2.0));
  int covered = 0;
  std::vector<double> positives(60), negatives(80);
  for (int trial = 0; trial < kTrials; ++trial) {
    for (double& s : positives) s = rng.normal() + 0.8;
    for (double& s : negatives) s = rng.normal();
    covered += delong(positives, negatives).ci->contains(truth) ? 1 : 0;
  }
  expect_coverage(covered);
}

TEST(IntervalsStatistical, MeanOverFiveSeedsCoversTheTruth) {
  core::ReproducibleRng rng(12);
  int covered = 0;
  std::vector<double> values(5);
  for (int trial = 0; trial < kTrials; ++trial) {
    for (double& v : values) v = 3 + 0.1 * rng.normal();
    covered += mean_interval(values).ci->contains(3) ? 1 : 0;
  }
  expect_coverage(covered);
}

int bootstrap_coverage(BootstrapMethod method) {
  core::ReproducibleRng rng(13);
  const Stratum stratum = whole_sample(60);
  std::vector<double> data(60);
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    for (double& v : data) v = rng.normal();
    const auto mean = [&](std::span<const std::uint32_t> indices) -> std::optional<double> {
      double sum = 0;
      for (const auto i : indices) sum += data[i];
      return sum / double(indices.size());
    };
    const BootstrapOptions options{
        .resamples = 300, .method = method, .seed = std::uint64_t(trial)};
    covered += bootstrap(std::span(&stratum, 1), mean, options).ci->contains(0) ? 1 : 0;
  }
  return covered;
}

TEST(IntervalsStatistical, PercentileBootstrapCoversTheTruth) {
  expect_coverage(bootstrap_coverage(BootstrapMethod::kPercentile));
}

TEST(IntervalsStatistical, BcaBootstrapCoversTheTruth) {
  expect_coverage(bootstrap_coverage(BootstrapMethod::kBca));
}

TEST(IntervalsStatistical, BcaShiftsTowardsTheLongTail) {
  // Standard deviation of skewed data: the percentile interval lies too low, BCa corrects upwards.
  core::ReproducibleRng rng(14);
  std::vector<double> data(50);
  for (double& v : data) v = std::exp(rng.normal());
  const auto deviation = [&](std::span<const std::uint32_t> indices) -> std::optional<double> {
    double sum = 0, squares = 0;
    for (const auto i : indices) sum += data[i];
    for (const auto i : indices) squares += std::pow(data[i] - sum / double(indices.size()), 2);
    return std::sqrt(squares / double(indices.size()));
  };
  const Stratum stratum = whole_sample(data.size());
  const auto percentile = bootstrap(std::span(&stratum, 1), deviation, {.seed = 3});
  const auto bca =
      bootstrap(std::span(&stratum, 1), deviation, {.method = BootstrapMethod::kBca, .seed = 3});
  EXPECT_GT(bca.ci->low, percentile.ci->low);
  EXPECT_GT(bca.ci->high, percentile.ci->high);
}

}  // namespace
}  // namespace discreet::stats
