// Source: the data of Hollander and Wolfe 1999, example 6.2 (J = 79). p-values and the variance by enumeration in
// Python: 18!/(6!)^3 arrangements by dynamic programming over tied values, and all permutations within blocks.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/stats/intervals.h"
#include "discreet/stats/jonckheere.h"

namespace discreet::stats {
namespace {

std::vector<OrderedValue> in_groups(const std::vector<std::vector<double>>& groups) {
  std::vector<OrderedValue> values;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const double value : groups[g]) values.push_back({static_cast<std::int64_t>(g), value, 0});
  }
  return values;
}

TEST(JonckheereGolden, HollanderAndWolfe) {
  const TrendTest test =
      jonckheere(in_groups({{40, 35, 38, 43, 44, 41}, {38, 40, 47, 44, 40, 42}, {48, 40, 45, 43, 46, 44}}));
  EXPECT_EQ(test.n, 18U);
  EXPECT_EQ(test.pairs, 108U);
  EXPECT_EQ(test.statistic, 79);
  EXPECT_EQ(test.expected, 54);
  EXPECT_FALSE(test.exact);
  EXPECT_NEAR(*test.p_value, 0.020710393993, 1e-9);  // variance 150.28676470588 for ties
}

TEST(JonckheereGolden, SmallGroupsExactly) {
  const TrendTest test = jonckheere(in_groups({{1, 4}, {2, 5}, {3, 6, 7}}));
  EXPECT_TRUE(test.exact);
  EXPECT_EQ(test.statistic, 13);
  EXPECT_NEAR(*test.p_value, 16.0 / 210, 1e-12);
}

TEST(JonckheereGolden, LabelsArePermutedWithinBlocks) {
  const std::vector<std::vector<double>> blocks = {{1, 2, 2, 3}, {0.5, 0.1, 0.7, 0.9}, {3, 3, 3, 4}};
  std::vector<OrderedValue> values;
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    for (std::size_t g = 0; g < 4; ++g) values.push_back({static_cast<std::int64_t>(g * 10), blocks[b][g], static_cast<std::int64_t>(b)});
  }
  const TrendTest test = jonckheere(values);
  EXPECT_TRUE(test.exact);
  EXPECT_EQ(test.statistic, 15);
  EXPECT_EQ(test.pairs, 18U);
  EXPECT_NEAR(*test.p_value, 7.0 / 1152, 1e-12);
  // What differs between blocks alone does not count.
  for (OrderedValue& value : values) value.value += static_cast<double>(100 * (3 - value.block));
  EXPECT_EQ(jonckheere(values).statistic, 15);
}

TEST(JonckheereGolden, NothingToCompare) {
  EXPECT_FALSE(jonckheere({}).p_value);
  EXPECT_FALSE(jonckheere(in_groups({{1, 2, 3}})).p_value);
  const TrendTest same = jonckheere(in_groups({{2, 2}, {2, 2}}));
  EXPECT_EQ(same.statistic, 2);
  EXPECT_EQ(*same.p_value, 1);
}

}  // namespace
}  // namespace discreet::stats
