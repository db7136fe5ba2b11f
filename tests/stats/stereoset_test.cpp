#include "discreet/stats/stereoset.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/stats/crows_pairs.h"

namespace discreet::stats {
namespace {

// By hand, strict comparisons: the first and third are ties somewhere, which count as not preferred.
TEST(StereoScoresTest, TiesCountAsNotPreferred) {
  const StereoScores scores =
      stereo_scores(std::vector<StereoExample>{{"t", .2, .2, .1}, {"t", .3, .1, .3}, {"t", .1, .2, .2}});
  EXPECT_NEAR(*scores.ss, 100 / 3.0, 1e-12);
  EXPECT_NEAR(*scores.lms, 100 / 3.0, 1e-12);
  EXPECT_NEAR(*scores.icat, 22.2222222222, 1e-9);
  EXPECT_EQ(scores.ties, 3u);
}

// One term always stereotyped, one with three examples never: means over terms, not over examples.
TEST(StereoScoresTest, MeansAreOverTermsAndIcatIsMadeOfThem) {
  const StereoScores scores = stereo_scores(
      std::vector<StereoExample>{{"a", 3, 2, 1}, {"b", 1, 2, 0}, {"b", 1, 2, 0}, {"b", 1, 2, 3}});
  EXPECT_DOUBLE_EQ(*scores.ss, 50);
  EXPECT_DOUBLE_EQ(*scores.lms, (100 + 200 / 3.0) / 2);
  EXPECT_DOUBLE_EQ(*scores.icat, *scores.lms);
  EXPECT_DOUBLE_EQ(*scores.micro_ss, 25);
  EXPECT_DOUBLE_EQ(*scores.micro_lms, 75);
  EXPECT_EQ(scores.terms, 2u);
}

// Thirty terms of one example each, half of them stereotyped: the interval is about that of a share of 30.
TEST(StereoScoresTest, IntervalsResampleTerms) {
  std::vector<StereoExample> examples;
  for (int t = 0; t < 30; ++t) examples.push_back({"term" + std::to_string(t), t % 2 == 0 ? 3.0 : 1.0, 2, 0});
  const StereoScores scores = stereo_scores(examples);
  ASSERT_TRUE(scores.ss_ci && scores.lms_ci && scores.icat_ci);
  EXPECT_NEAR(scores.ss_ci->low, 50 - 196 * std::sqrt(.25 / 30), 4);
  EXPECT_NEAR(scores.ss_ci->high, 50 + 196 * std::sqrt(.25 / 30), 4);
  EXPECT_DOUBLE_EQ(scores.lms_ci->low, 100);
  EXPECT_LE(scores.icat_ci->high, 100);
  // More examples of the same terms are no more terms.
  std::vector<StereoExample> twice = examples;
  twice.insert(twice.end(), examples.begin(), examples.end());
  EXPECT_DOUBLE_EQ(stereo_scores(twice).ss_ci->low, scores.ss_ci->low);
  for (auto& example : examples) example.term = "one";
  EXPECT_FALSE(stereo_scores(examples).ss_ci.has_value());
}

TEST(StereoScoresTest, NothingHasNoScoresAndNaNIsRefused) {
  EXPECT_FALSE(stereo_scores({}).ss.has_value());
  EXPECT_THROW(stereo_scores(std::vector<StereoExample>{{"a", NAN, 0, 1}}), Error);
}

TEST(PairScoresTest, TiesStayInTheTotalAlone) {
  const std::vector<SentencePair> pairs = {{-10, -12, true}, {-9, -8, true},  {-7, -7, true},
                                           {-5, -6, true},   {-4, -5, false}, {-6, -6, false}};
  const PairScores scores = pair_scores(pairs);
  EXPECT_DOUBLE_EQ(*scores.total, 50);
  EXPECT_NEAR(*scores.stereo, 200 / 3.0, 1e-12);
  EXPECT_DOUBLE_EQ(*scores.antistereo, 100);
  EXPECT_EQ(scores.ties, 2u);
}

TEST(PairScoresTest, RoundingMakesTies) {
  const std::vector<SentencePair> pairs = {{-1.0001, -1.0002, true}};
  EXPECT_EQ(pair_scores(pairs).ties, 0u);
  EXPECT_EQ(pair_scores(pairs, 3).ties, 1u);
  EXPECT_FALSE(pair_scores(pairs, 3).stereo.has_value());
}

}  // namespace
}  // namespace discreet::stats
