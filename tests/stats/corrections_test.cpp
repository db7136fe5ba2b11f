#include "discreet/stats/corrections.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

// By hand: sorted .01, .02, .03, .04 times 4, 3, 2, 1, never falling.
TEST(CorrectionsTest, HolmByHand) {
  const std::vector<double> adjusted = holm(std::array{0.03, 0.01, 0.04, 0.02});
  const std::array expected{0.06, 0.04, 0.06, 0.06};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-12);
}

// By hand: sorted .01, .02, .03, .5 times 4, 2, 4/3, 1, never rising from the right.
TEST(CorrectionsTest, BenjaminiHochbergByHand) {
  const std::vector<double> adjusted = benjamini_hochberg(std::array{0.5, 0.01, 0.03, 0.02});
  const std::array expected{0.5, 0.04, 0.04, 0.04};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-12);
}

TEST(CorrectionsTest, NothingIsAboveOneAndOneTestStaysAsItIs) {
  for (const double p : holm(std::array{0.9, 0.8})) EXPECT_EQ(p, 1.0);
  EXPECT_EQ(holm(std::array{0.2})[0], 0.2);
  EXPECT_EQ(benjamini_hochberg(std::array{0.2})[0], 0.2);
  EXPECT_TRUE(holm({}).empty());
}

TEST(CorrectionsTest, WhatIsNoPValueIsRefused) {
  EXPECT_THROW(holm(std::array{1.5}), Error);
  EXPECT_THROW(benjamini_hochberg(std::array{-0.1}), Error);
}

}  // namespace
}  // namespace discreet::stats
