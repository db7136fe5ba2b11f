#include "discreet/stats/membership.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/blind_baseline.h"

namespace discreet::stats {
namespace {

std::vector<double> normals(std::size_t n, double shift, std::uint64_t seed) {
  core::ReproducibleRng rng(seed);
  std::vector<double> scores(n);
  for (double& score : scores) score = rng.normal() + shift;
  return scores;
}

TEST(Membership, HandTable) {
  const std::vector<double> in = {4, 3, 3, 2}, out = {3, 2, 1, 0};
  const MembershipResult r = membership(in, out);
  // Pairs: 4 + 2 * 3.5 + 2.5 = 13.5 of 16. Thresholds 3: 3/4 - 1/4; 2: 4/4 - 2/4.
  EXPECT_DOUBLE_EQ(r.auc.auc, 13.5 / 16);
  EXPECT_DOUBLE_EQ(r.advantage, 0.5);
  // Mean member score 3: TP 3, FP 1.
  ASSERT_TRUE(r.yeom);
  EXPECT_DOUBLE_EQ(r.yeom->threshold, 3);
  EXPECT_DOUBLE_EQ(*r.yeom->ppv, 0.75);
  EXPECT_DOUBLE_EQ(r.yeom->advantage, 0.5);
}

TEST(Membership, DocumentHasTheStableKeys) {
  const Json json = membership_json("scores", membership(normals(200, .5, 1), normals(1100, 0, 2)));
  for (const char* key : {"attack", "auc", "advantage", "tpr_at_fpr", "ci", "ppv", "n_members",
                          "n_nonmembers", "roc"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_TRUE(json["tpr_at_fpr"]["0.01"].is_number());
  EXPECT_TRUE(json["tpr_at_fpr"]["0.001"].is_null());
  EXPECT_NE(json["tpr_at_fpr_reason"]["0.001"].get<std::string>().find("10000"), std::string::npos);
  EXPECT_EQ(json["ci"]["tpr_at_fpr"]["0.01"].size(), 2U);
  EXPECT_EQ(json["n_members"], 200);
  EXPECT_LE(json["roc"].size(), 201U);
  EXPECT_EQ(json["roc"].front(), Json::array({0.0, 0.0}));
  EXPECT_EQ(json["roc"].back(), Json::array({1.0, 1.0}));
}

TEST(Membership, ChanceIsNotCalledAnAttack) {
  // 40 data sets where nothing is to be found: the maximum is above 0 in all, its interval's low
  // end is above 0 in 2.5 % of them (over 9 of 40 has probability below 1e-6).
  int alarms = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const MembershipResult r =
        membership(normals(150, 0, 2 * seed), normals(150, 0, 2 * seed + 1), {.resamples = 100});
    EXPECT_GT(r.advantage, 0);
    alarms += r.advantage_ci.low > 0 ? 1 : 0;
  }
  EXPECT_LE(alarms, 9);
}

TEST(Membership, AdvantageIntervalCoversTheTruth) {
  // N(1, 1) against N(0, 1): the best threshold is 1/2, advantage 2 Phi(1/2) - 1 = .3829. 60 data
  // sets, coverage at least .95: fewer than 46 covered has probability below 1e-6.
  const double truth = 2 * normal_cdf(0.5) - 1;
  int covered = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const MembershipResult r = membership(normals(200, 1, 1000 + 2 * seed),
                                          normals(200, 0, 1001 + 2 * seed), {.resamples = 200});
    covered += r.advantage_ci.contains(truth) ? 1 : 0;
    EXPECT_LE(r.advantage_ci.low, r.advantage);
    EXPECT_GE(r.advantage_ci.high, r.advantage);
  }
  EXPECT_GE(covered, 46);
}

TEST(Membership, FewOrInfiniteScoresSayWhatIsAbsent) {
  const std::vector<double> one = {1}, other = {0};
  const Json json = membership_json("scores", membership(one, other));
  EXPECT_TRUE(json["advantage_held_out"].is_null());
  EXPECT_TRUE(json["ci"]["auc"].is_null());
  EXPECT_TRUE(json.contains("ci_reason"));
  const std::vector<double> infinite = {std::numeric_limits<double>::infinity(), 1};
  const Json unbounded = membership_json("scores", membership(infinite, other));
  EXPECT_TRUE(unbounded["yeom"].is_null());
  EXPECT_TRUE(unbounded["ppv"].is_null());
  EXPECT_THROW(membership({}, other), Error);
}

TEST(Membership, FeaturesSeeWordsPairsAndLength) {
  const std::vector<std::string> ab = {"a", "b"}, ba = {"b", "a"}, abc = {"a", "b", "c"};
  EXPECT_EQ(text_features(ab).size(), 5U);
  EXPECT_NE(text_features(ab)[1], text_features(ba)[3]);  // (start, a) is not (b, a)
  EXPECT_EQ(text_features(ab)[0], text_features(ba)[2]);
  EXPECT_NE(text_features(ab).back(), text_features(abc).back());
}

TEST(Membership, VerdictsFollowTheIntervals) {
  const auto estimate = [](double low, double high) {
    return AucEstimate{(low + high) / 2, 0.001, Interval{low, high}};
  };
  const auto chance = estimate(0.47, 0.53);
  EXPECT_NE(membership_verdict(estimate(0.55, 0.6), chance).find("can be told"), std::string::npos);
  EXPECT_NE(membership_verdict(estimate(0.48, 0.52), chance).find("finds nothing"),
            std::string::npos);
  EXPECT_NE(membership_verdict(estimate(0.4, 0.45), chance).find("lower"), std::string::npos);
  EXPECT_EQ(membership_verdict(estimate(0.55, 0.6), estimate(0.51, 0.6)).find("No verdict"), 0U);
  EXPECT_EQ(membership_verdict({0.5, 0, std::nullopt}, chance).find("No verdict"), 0U);
}

}  // namespace
}  // namespace discreet::stats
