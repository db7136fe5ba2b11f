#include "discreet/nn/tag_rules.h"

#include <gtest/gtest.h>

namespace discreet::nn {
namespace {

const std::vector<std::string> kNames = {"O", "B-a", "I-a", "B-b", "I-b"};

TEST(TagRules, AnInsideTagStandsOnlyBehindItsOwnType) {
  const TagRules rules = bio_rules(kNames);
  const auto may = [&](int a, int b) { return rules.follows[a * 5 + b] != 0; };
  EXPECT_TRUE(may(1, 2));
  EXPECT_TRUE(may(2, 2));
  EXPECT_FALSE(may(0, 2));
  EXPECT_FALSE(may(3, 2));
  EXPECT_TRUE(may(2, 3));
  EXPECT_FALSE(rules.start[2]);
  EXPECT_TRUE(rules.start[1]);
}

TEST(TagRules, DecodingTakesTheBestAllowedPathNotTheBestTags) {
  // Greedy would say O I-a; the best allowed path is B-a I-a.
  const at::Tensor emissions = at::tensor({1.0F, 0.9F, 0.0F, 0.0F, 0.0F,  //
                                           0.0F, 0.0F, 2.0F, 0.0F, 0.0F})
                                   .view({2, 5});
  const std::vector<std::int64_t> offsets = {0, 2};
  EXPECT_EQ(decode_by_rules(emissions, offsets, bio_rules(kNames)),
            (std::vector<std::int64_t>{1, 2}));
}

TEST(TagRules, SequencesDoNotTouchEachOther) {
  // The second sequence cannot begin with I-a although the first ends with B-a; one is empty.
  const at::Tensor emissions = at::tensor({0.0F, 5.0F, 0.0F, 0.0F, 0.0F,  //
                                           1.0F, 0.0F, 5.0F, 0.0F, 0.0F})
                                   .view({2, 5});
  const std::vector<std::int64_t> offsets = {0, 1, 1, 2};
  EXPECT_EQ(decode_by_rules(emissions, offsets, bio_rules(kNames)),
            (std::vector<std::int64_t>{1, 0}));
}

}  // namespace
}  // namespace discreet::nn
