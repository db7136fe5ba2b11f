#include "discreet/stats/random_effects.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace discreet::stats {
namespace {

TEST(CombineEffectsTest, HeterogeneousEffects) {
  const CombinedEffect combined =
      combine_effects(std::array{.5, .9, -.1, 1.2, .3}, std::array{.04, .09, .05, .20, .10});
  EXPECT_NEAR(combined.heterogeneity, 11.312109375, 1e-9);
  EXPECT_NEAR(combined.between_variance, .137437591777, 1e-11);
  EXPECT_NEAR(*combined.effect, .490675083528, 1e-11);
  EXPECT_NEAR(combined.standard_error, .210618060552, 1e-11);
  EXPECT_NEAR(combined.z, 2.329691396084, 1e-10);
  EXPECT_NEAR(combined.p_two_sided, .0198224676174, 1e-11);
  EXPECT_NEAR(combined.p_signed, .00991123380869, 1e-11);
}

TEST(CombineEffectsTest, HomogeneousEffectsHaveNoVarianceBetweenThem) {
  const CombinedEffect combined =
      combine_effects(std::array{.30, .25, .35, .28}, std::array{.05, .08, .06, .04});
  EXPECT_NEAR(combined.heterogeneity, .0817696629, 1e-9);
  EXPECT_EQ(combined.between_variance, 0);
  EXPECT_NEAR(*combined.effect, .296067415730, 1e-11);
  EXPECT_NEAR(combined.standard_error, .116116949957, 1e-11);
  EXPECT_NEAR(combined.p_two_sided, .010780492327, 1e-11);
}

TEST(CombineEffectsTest, OneEffectIsItself) {
  const CombinedEffect combined = combine_effects(std::array{.7}, std::array{.2});
  EXPECT_EQ(combined.between_variance, 0);
  EXPECT_DOUBLE_EQ(*combined.effect, .7);
}

TEST(CombineEffectsTest, EqualDrawsHaveTheCommonEffect) {
  const std::vector<double> effects(9, .4), variances(9, .3);
  const CombinedEffect combined = combine_effects(effects, variances);
  EXPECT_EQ(combined.between_variance, 0);
  EXPECT_NEAR(*combined.effect, .4, 1e-12);
}

TEST(CombineEffectsTest, AVarianceOfZeroHasNoWeight) {
  const CombinedEffect combined = combine_effects(std::array{.4, .5}, std::array{.1, 0.});
  EXPECT_FALSE(combined.effect.has_value());
  EXPECT_FALSE(combined.reason.empty());
}

}  // namespace
}  // namespace discreet::stats
