#include "discreet/stats/ceat.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::stats {
namespace {

WordSet word(std::vector<float> values, std::size_t dimension = 4) { return {dimension, std::move(values)}; }

// The toy of reference tests: one context per word.
const ContextualSet kToyX = {word({1, .2F, 0, .1F}), word({.8F, .5F, .1F, 0}), word({.9F, -.1F, .3F, .2F})};
const ContextualSet kToyY = {word({.1F, 1, .2F, 0}), word({.3F, .9F, -.2F, .1F}), word({.6F, .7F, .4F, -.1F})};
const ContextualSet kToyA = {word({1, 0, .1F, 0}), word({.9F, .1F, 0, .3F})};
const ContextualSet kToyB = {word({0, 1, 0, .2F}), word({.2F, .8F, .1F, 0})};

TEST(Ceat, OneContextPerWordIsTheStaticTest) {
  const CeatResult one = ceat(kToyX, kToyY, kToyA, kToyB, {.draws = 1, .resamples = 0});
  EXPECT_NEAR(*one.combined.effect, 1.633476525419, 1e-6);
  EXPECT_DOUBLE_EQ(one.combined.between_variance, 0);
  // Equal draws: no spread between them, and the common effect.
  const CeatResult many = ceat(kToyX, kToyY, kToyA, kToyB, {.draws = 50, .resamples = 0});
  EXPECT_NEAR(*many.combined.effect, 1.633476525419, 1e-6);
  EXPECT_NEAR(many.combined.between_variance, 0, 1e-12);
  EXPECT_NEAR(many.combined.standard_error, std::sqrt(.456468148552 / 50), 1e-6);
  EXPECT_EQ(many.ci_reason, "no bootstrap was asked for");
}

TEST(Ceat, SwappingTheTargetsOrTheAttributesTurnsTheSign) {
  const double effect = *ceat(kToyX, kToyY, kToyA, kToyB, {.draws = 5, .resamples = 0}).combined.effect;
  EXPECT_NEAR(*ceat(kToyY, kToyX, kToyA, kToyB, {.draws = 5, .resamples = 0}).combined.effect, -effect, 1e-9);
  EXPECT_NEAR(*ceat(kToyX, kToyY, kToyB, kToyA, {.draws = 5, .resamples = 0}).combined.effect, -effect, 1e-9);
}

/// `contexts` noisy copies of each word.
ContextualSet noisy(const ContextualSet& set, std::size_t contexts, double deviation, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "noise");
  ContextualSet out;
  for (const WordSet& word : set) {
    WordSet many{word.dimension, {}};
    for (std::size_t c = 0; c < contexts; ++c) {
      for (const float value : word.values) many.values.push_back(value + static_cast<float>(deviation * rng.normal()));
    }
    out.push_back(std::move(many));
  }
  return out;
}

TEST(Ceat, TheStandardErrorFallsWithTheDrawsButTheIntervalDoesNot) {
  const auto x = noisy(kToyX, 40, .4, 1), y = noisy(kToyY, 40, .4, 2), a = noisy(kToyA, 40, .4, 3), b = noisy(kToyB, 40, .4, 4);
  const CeatResult few = ceat(x, y, a, b, {.draws = 100, .resamples = 100});
  const CeatResult many = ceat(x, y, a, b, {.draws = 10000, .resamples = 100});
  EXPECT_LT(many.combined.standard_error, .15 * few.combined.standard_error);
  EXPECT_NEAR(*few.combined.effect, *many.combined.effect, .3);
  ASSERT_TRUE(few.ci && many.ci);
  const double narrow = few.ci->high - few.ci->low, wide = many.ci->high - many.ci->low;
  EXPECT_GT(wide, .5 * narrow);
  EXPECT_TRUE(many.ci->contains(*many.combined.effect));
}

TEST(Ceat, WithoutReplacementEachContextStandsOnce) {
  // Two contexts of one word, two draws: both are used, so the effects are those of the two in turn.
  ContextualSet x = kToyX;
  x[0].values.insert(x[0].values.end(), {-1, .2F, 0, .1F});
  const CeatResult drawn = ceat(x, kToyY, kToyA, kToyB, {.draws = 2, .resamples = 0});
  ContextualSet other = kToyX;
  other[0] = word({-1, .2F, 0, .1F});
  const double first = *ceat(kToyX, kToyY, kToyA, kToyB, {.draws = 1, .resamples = 0}).combined.effect;
  const double second = *ceat(other, kToyY, kToyA, kToyB, {.draws = 1, .resamples = 0}).combined.effect;
  EXPECT_NEAR(drawn.mean_effect, (first + second) / 2, 1e-9);
}

TEST(Ceat, EqualAssociationsHaveNoEffect) {
  const ContextualSet same = {word({1, 0, 0, 0}), word({1, 0, 0, 0})};
  const CeatResult result = ceat(same, same, kToyA, kToyB, {.draws = 10, .resamples = 30});
  EXPECT_FALSE(result.combined.effect);
  EXPECT_EQ(result.undefined, 10u);
  EXPECT_FALSE(result.combined.reason.empty());
  EXPECT_FALSE(result.ci);
  EXPECT_THROW(ceat({}, kToyY, kToyA, kToyB, {}), Error);
  EXPECT_THROW(ceat({word({0, 0, 0, 0})}, kToyY, kToyA, kToyB, {}), Error);
}

}  // namespace
}  // namespace discreet::stats
