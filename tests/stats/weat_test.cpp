#include "discreet/stats/weat.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

WordSet words(std::vector<float> values, std::size_t dimension = 4) { return {dimension, std::move(values)}; }

// Toy vectors whose figures were computed in double precision beside this implementation.
const WordSet kX = words({1, .2f, 0, .1f, .8f, .5f, .1f, 0, .9f, -.1f, .3f, .2f});
const WordSet kY = words({.1f, 1, .2f, 0, .3f, .9f, -.2f, .1f, .6f, .7f, .4f, -.1f});
const WordSet kA = words({1, 0, .1f, 0, .9f, .1f, 0, .3f});
const WordSet kB = words({0, 1, 0, .2f, .2f, .8f, .1f, 0});

TEST(WeatTest, ToyVectors) {
  const auto s_x = association(kX, kA, kB), s_y = association(kY, kA, kB);
  const std::array expected_x{.654726950476, .230145164782, .887082827867};
  const std::array expected_y{-.816459109654, -.579485503410, -.142949578428};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(s_x[i], expected_x[i], 1e-7);
    EXPECT_NEAR(s_y[i], expected_y[i], 1e-7);
  }
  const WeatResult result = weat(s_x, s_y);
  EXPECT_NEAR(result.sum, 3.310849134617, 1e-6);
  EXPECT_NEAR(result.difference, 1.103616378206, 1e-7);
  EXPECT_NEAR(*result.effect_size, 1.633476525419, 1e-6);
  EXPECT_NEAR(*result.effect_size_ddof0, 1.789383880255, 1e-6);
  EXPECT_NEAR(result.variance, .456468148552, 1e-7);
  EXPECT_EQ(result.test.partitions, 20u);
  EXPECT_EQ(result.test.above, 0u);
  EXPECT_EQ(result.test.at_least, 1u);
  EXPECT_EQ(result.test.two_sided, 2u);
}

TEST(WeatTest, UnequalSetsUseTheDifferenceOfMeans) {
  const auto s_x = association(kX, kA, kB);
  auto s_y = association(kY, kA, kB);
  s_y.pop_back();
  const WeatResult result = weat(s_x, s_y);
  EXPECT_NEAR(result.difference, 1.288623954240, 1e-7);
  EXPECT_NEAR(*result.effect_size, 1.720966112843, 1e-6);
  EXPECT_EQ(result.test.partitions, 10u);
  EXPECT_EQ(result.test.above, 0u);
  EXPECT_EQ(result.test.at_least, 1u);
  EXPECT_EQ(result.test.two_sided, 1u);
}

TEST(WeatTest, TiesDoNotHangOnTheOrderOfAdditions) {
  const WeatResult result = weat(std::array{.3, .1, .2}, std::array{.1, 0., .2});
  EXPECT_EQ(result.test.partitions, 20u);
  EXPECT_EQ(result.test.above, 1u);
  EXPECT_EQ(result.test.at_least, 5u);
}

TEST(WeatTest, EqualScoresHaveNoEffectSizeAndEveryPartitionTies) {
  const WeatResult result = weat(std::array{.1, .1}, std::array{.1, .1});
  EXPECT_FALSE(result.effect_size.has_value());
  EXPECT_FALSE(result.reason.empty());
  EXPECT_EQ(result.test.at_least, 6u);
  EXPECT_EQ(result.test.p_value, 1);
}

TEST(WeatTest, SwappingTargetsOrAttributesTurnsTheSign) {
  const auto s_x = association(kX, kA, kB), s_y = association(kY, kA, kB);
  EXPECT_DOUBLE_EQ(weat(s_y, s_x).difference, -weat(s_x, s_y).difference);
  EXPECT_DOUBLE_EQ(*weat(s_y, s_x).effect_size, -*weat(s_x, s_y).effect_size);
  const WeatResult other = weat(association(kX, kB, kA), association(kY, kB, kA));
  EXPECT_NEAR(other.sum, -weat(s_x, s_y).sum, 1e-12);
}

TEST(WeatTest, ScalingAVectorChangesNothing) {
  WordSet scaled = kX;
  for (std::size_t d = 0; d < 4; ++d) scaled.values[d] *= 8;
  EXPECT_NEAR(association(scaled, kA, kB)[0], association(kX, kA, kB)[0], 1e-12);
}

TEST(WeatTest, SampledPartitionsAgreeWithAllOfThem) {
  std::vector<double> s_x, s_y;
  for (int i = 0; i < 8; ++i) {
    s_x.push_back(std::sin(i) + 0.4);
    s_y.push_back(std::cos(3 * i));
  }
  const PermutationTest all = weat(s_x, s_y).test;
  const PermutationTest some = weat(s_x, s_y, {.limit = 100, .samples = 200000}).test;
  EXPECT_TRUE(all.exact);
  EXPECT_EQ(all.partitions, 12870u);
  EXPECT_FALSE(some.exact);
  // Five standard deviations of the estimate.
  EXPECT_NEAR(some.p_value, all.p_value, 5 * std::sqrt(all.p_value * (1 - all.p_value) / 200000));
  EXPECT_NEAR(some.p_two_sided, all.p_two_sided, 5 * std::sqrt(all.p_two_sided / 200000));
}

TEST(WeatTest, ASampledPValueIsNeverZero) {
  std::vector<double> s_x, s_y;
  for (int i = 0; i < 30; ++i) {
    s_x.push_back(1 + 0.001 * i);
    s_y.push_back(-1 - 0.001 * i);
  }
  const PermutationTest test = weat(s_x, s_y, {.samples = 99}).test;
  EXPECT_EQ(test.at_least, 0u);
  EXPECT_DOUBLE_EQ(test.p_value, 0.01);
}

TEST(WeatTest, AZeroVectorIsRefused) {
  EXPECT_THROW(association(words({0, 0, 0, 0}), kA, kB), Error);
}

TEST(WefatTest, OneWordAgainstTwoSets) {
  const std::vector<float> word = {1, .2f, 0, .1f};
  std::vector<double> cosines;
  for (const WordSet* set : {&kA, &kB}) {
    for (std::size_t i = 0; i < 2; ++i) {
      double dot = 0, a = 0, b = 0;
      for (std::size_t d = 0; d < 4; ++d) {
        dot += static_cast<double>(word[d]) * set->row(i)[d];
        a += static_cast<double>(word[d]) * word[d];
        b += static_cast<double>(set->row(i)[d]) * set->row(i)[d];
      }
      cosines.push_back(dot / std::sqrt(a * b));
    }
  }
  const double mean = (cosines[0] + cosines[1] + cosines[2] + cosines[3]) / 4;
  double squares = 0;
  for (const double cosine : cosines) squares += (cosine - mean) * (cosine - mean);
  const double expected = (cosines[0] + cosines[1] - cosines[2] - cosines[3]) / 2 / std::sqrt(squares / 3);
  EXPECT_NEAR(*wefat(word, kA, kB), expected, 1e-10);
}

}  // namespace
}  // namespace discreet::stats
