#include "discreet/stats/intersectional.h"

#include <gtest/gtest.h>

namespace discreet::stats {
namespace {

TEST(IntersectionalBias, TellsEmergentWordsFromThoseOfAConstituent) {
  // Axes: the intersection itself, the first constituent, the second; groups are women/men of two races.
  const WordSet both{3, {1, 1, 1, 1, .9F, 1}}, first{3, {0, 1, 0, .1F, .9F, 0}}, second{3, {0, 0, 1, 0, .1F, .9F}},
      neither{3, {-.1F, .1F, 0, 0, -.1F, .1F}};
  const auto joined = [](const WordSet& a, const WordSet& b) {
    WordSet out = a;
    out.values.insert(out.values.end(), b.values.begin(), b.values.end());
    return out;
  };
  const std::vector<GroupContrast> others = {{both, first}, {both, second}, {both, neither}};
  const std::vector<GroupContrast> constituents = {{joined(both, first), joined(second, neither)},
                                                   {joined(both, second), joined(first, neither)}};
  const WordSet words{3, {1, 1, 1, 0, 1, 0, 1, 0, 0}};
  const auto found = intersectional_bias(words, others, constituents, 0);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_TRUE(found[0].biased);
  EXPECT_FALSE(found[1].biased);  // goes with the first group more than with the intersection
  EXPECT_TRUE(found[2].biased);
  EXPECT_FALSE(found[0].emergent);
  for (const auto& effect : found[2].constituent) ASSERT_TRUE(effect);
  const auto strict = intersectional_bias(words, others, constituents, 1.25);
  EXPECT_FALSE(strict[0].emergent);
  EXPECT_TRUE(strict[2].emergent);
  EXPECT_TRUE(intersectional_bias(words, others, {}, 0)[0].emergent);
  EXPECT_FALSE(intersectional_bias(words, others, constituents, 5)[0].biased);
}

}  // namespace
}  // namespace discreet::stats
