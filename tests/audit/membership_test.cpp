#include "discreet/audit/membership.h"

#include <gtest/gtest.h>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::audit {
namespace {

TEST(MembershipAudit, KeepsTextsThatOccurOnce) {
  const std::vector<std::string> members = {"a", "b", "b", "c", "d"};
  const std::vector<std::string> others = {"c", "e", "f", "f", "g"};
  const MembershipSample sample = sample_members(members, others, 100, 1);
  EXPECT_EQ(sample.members, (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(sample.nonmembers, (std::vector<std::int64_t>{1, 4}));
  EXPECT_EQ(sample.within_members, 2U);
  EXPECT_EQ(sample.within_nonmembers, 2U);
  EXPECT_EQ(sample.across, 2U);
}

TEST(MembershipAudit, DrawsAtMostSoManyMembers) {
  std::vector<std::string> members;
  for (int i = 0; i < 50; ++i) members.push_back("t" + std::to_string(i));
  const MembershipSample a = sample_members(members, {}, 10, 1);
  EXPECT_EQ(a.members.size(), 10U);
  EXPECT_TRUE(std::is_sorted(a.members.begin(), a.members.end()));
  EXPECT_EQ(a.members, sample_members(members, {}, 10, 1).members);
  EXPECT_NE(a.members, sample_members(members, {}, 10, 2).members);
}

TEST(MembershipAudit, FeaturesSeeWordsPairsAndLength) {
  const std::vector<std::string> ab = {"a", "b"}, ba = {"b", "a"}, abc = {"a", "b", "c"};
  EXPECT_EQ(text_features(ab).size(), 5U);
  EXPECT_NE(text_features(ab)[1], text_features(ba)[3]);  // (start, a) is not (b, a)
  EXPECT_EQ(text_features(ab)[0], text_features(ba)[2]);
  EXPECT_NE(text_features(ab).back(), text_features(abc).back());
}

TEST(MembershipAudit, VerdictsFollowTheIntervals) {
  const auto estimate = [](double low, double high) {
    return stats::AucEstimate{(low + high) / 2, 0.001, stats::Interval{low, high}};
  };
  const auto chance = estimate(0.47, 0.53);
  EXPECT_NE(membership_verdict(estimate(0.55, 0.6), chance).find("can be told"), std::string::npos);
  EXPECT_NE(membership_verdict(estimate(0.48, 0.52), chance).find("finds nothing"),
            std::string::npos);
  EXPECT_NE(membership_verdict(estimate(0.4, 0.45), chance).find("lower"), std::string::npos);
  EXPECT_EQ(membership_verdict(estimate(0.55, 0.6), estimate(0.51, 0.6)).find("No verdict"), 0U);
  EXPECT_EQ(membership_verdict({0.5, 0, std::nullopt}, chance).find("No verdict"), 0U);
}

TEST(MembershipAudit, ResultsMakeAValidDocument) {
  core::ReproducibleRng rng(1);
  std::vector<double> in(200), out(100);
  std::vector<stats::FeatureBag> in_features(200), out_features(100);
  for (double& score : in) score = rng.normal() + 1;
  for (double& score : out) score = rng.normal();
  for (auto* side : {&in_features, &out_features}) {
    for (auto& bag : *side) bag = {rng.below(50), rng.below(50), rng.below(50)};
  }
  Json document = core::make_document({.schema = "discreet.audit.membership/1"});
  document["results"] = membership_results(in, out, in_features, out_features, {.resamples = 100});
  core::validate_document(document, "test");
  ASSERT_EQ(document["results"].size(), 2U);
  EXPECT_EQ(document["results"][0]["sees_model"], true);
  EXPECT_EQ(document["results"][1]["sees_model"], false);
  EXPECT_NE(document["results"][0]["verdict"].get<std::string>().find("can be told"),
            std::string::npos);
  EXPECT_TRUE(document["results"][1]["ppv"].is_null());
  EXPECT_THROW(membership_results(std::span(in).first(10), out, in_features, out_features, {}),
               Error);
}

}  // namespace
}  // namespace discreet::audit
