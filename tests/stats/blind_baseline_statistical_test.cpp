#include <gtest/gtest.h>

#include <set>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/blind_baseline.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {
namespace {

/// Bags of 6 words of 300, of which word 0 replaces one with chance `planted`.
std::vector<FeatureBag> bags(std::size_t n, double planted, std::uint64_t seed) {
  core::ReproducibleRng rng(seed);
  std::vector<FeatureBag> all(n);
  for (FeatureBag& bag : all) {
    for (int i = 0; i < 6; ++i) bag.push_back(1 + rng.below(300));
    if (rng.uniform() < planted) bag[0] = 0;
  }
  return all;
}

TEST(BlindBaselineStatistical, SaysChanceWhereNothingDiffers) {
  // 60 pairs of samples of one distribution, of unequal size; the 95 % interval misses .5 in about
  // 5 % of them. More than 14 misses has probability below 1e-6 for a rate of 5 %; the mean AUC's
  // standard error is .028 / sqrt(60) = .0036, 5 of which are .018.
  int misses = 0;
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto in = bags(400, 0, 2 * seed), out = bags(150, 0, 2 * seed + 1);
    const BlindScores scores = blind_scores(in, out, {.epochs = 4, .buckets = 512, .seed = seed});
    const AucEstimate auc = delong(scores.first, scores.second);
    misses += auc.ci->contains(0.5) ? 0 : 1;
    sum += auc.auc;
  }
  EXPECT_LE(misses, 14);
  EXPECT_NEAR(sum / 60, 0.5, 0.018);
}

/// Bags of 15 words of 3,000, rare ones most.
std::vector<FeatureBag> long_bags(std::size_t n, std::uint64_t seed) {
  core::ReproducibleRng rng(seed);
  std::vector<FeatureBag> all(n);
  for (FeatureBag& bag : all) {
    for (int i = 0; i < 15; ++i) bag.push_back(static_cast<std::uint64_t>(3000 * rng.uniform() * rng.uniform()));
  }
  return all;
}

TEST(BlindBaselineStatistical, ItsIntervalHoldsChanceWhereSidesAreDrawnByLot) {
  // DeLong's own misses .5 three times as often as it says, which withheld verdicts without a reason.
  int misses = 0, plain = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto in = long_bags(200, 2 * seed), out = long_bags(200, 2 * seed + 1);
    misses += blind_membership(in, out, {.resamples = 100, .seed = seed}).auc.ci->contains(0.5) ? 0 : 1;
    const BlindScores scores = blind_scores(in, out, {.seed = seed});
    plain += delong(scores.first, scores.second).ci->contains(0.5) ? 0 : 1;
  }
  EXPECT_LE(misses, 10);
  EXPECT_LE(misses, plain);
  RecordProperty("misses", misses);
  RecordProperty("misses_of_delong", plain);
}

TEST(BlindBaselineStatistical, FindsAPlantedWord) {
  const auto in = bags(600, 0.5, 1), out = bags(600, 0, 2);
  const BlindScores scores = blind_scores(in, out, {.buckets = 512});
  // The word alone gives an AUC of .75; noise of the others costs some of it.
  EXPECT_GT(delong(scores.first, scores.second).ci->low, 0.6);
}

TEST(BlindBaselineStatistical, ScoresAreRanksAndRepeat) {
  const auto in = bags(50, 0.2, 3), out = bags(40, 0, 4);
  const BlindScores a = blind_scores(in, out), b = blind_scores(in, out);
  EXPECT_EQ(a.first, b.first);
  ASSERT_EQ(a.first.size(), 50U);
  ASSERT_EQ(a.second.size(), 40U);
  for (const double score : a.first) {
    EXPECT_GT(score, 0);
    EXPECT_LT(score, 1);
  }
  EXPECT_THROW(blind_scores(bags(4, 0, 5), out), Error);
}

TEST(BlindBaselineStatistical, EmptyTextsAreTied) {
  const std::vector<FeatureBag> nothing(10);
  const BlindScores scores = blind_scores(nothing, nothing);
  EXPECT_EQ(std::set<double>(scores.first.begin(), scores.first.end()).size(), 1U);
  EXPECT_EQ(delong(scores.first, scores.second).auc, 0.5);
}

}  // namespace
}  // namespace discreet::stats
