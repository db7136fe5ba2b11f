#include "discreet/audit/membership.h"

#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace discreet::audit
