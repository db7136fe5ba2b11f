#include "discreet/privacy/noise_placement.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

const std::vector<double> kNorms{0.3, 0.4, 1.2, 0.5};

TEST(NoisePlacement, DeviationsOfEachLayer) {
  EXPECT_EQ(placed_noise(NoisePlacement::kGlobal, std::vector<double>{0.7}, 2, 1),
            std::vector<double>{1.4});
  for (const double deviation : placed_noise(NoisePlacement::kGlobal, kNorms, 2, 1)) {
    EXPECT_DOUBLE_EQ(deviation, 2 * std::sqrt(0.09 + 0.16 + 1.44 + 0.25));
  }
  EXPECT_DOUBLE_EQ(placed_noise(NoisePlacement::kPerLayer, kNorms, 2, 9)[2], 2.4);
  EXPECT_DOUBLE_EQ(placed_noise(NoisePlacement::kPerWorker, kNorms, 2, 9)[2], 7.2);
}

/// L Gaussians of one multiplier s count as one of s / sqrt(L); a mean of several units as half.
TEST(NoisePlacement, WhatTheAccountantMustCount) {
  for (const double k : {1.0, 2.0}) {
    EXPECT_DOUBLE_EQ(counted_multiplier(NoisePlacement::kGlobal, kNorms, 1.5, 16, k), 1.5 / k);
    EXPECT_DOUBLE_EQ(counted_multiplier(NoisePlacement::kPerLayer, kNorms, 1.5, 16, k), 1.5 / (k * 2));
    EXPECT_DOUBLE_EQ(counted_multiplier(NoisePlacement::kPerWorker, kNorms, 1.5, 16, k),
                     4 * 1.5 / (k * 2));
  }
  EXPECT_EQ(counted_multiplier(NoisePlacement::kPerLayer, kNorms, 0, 16, 2), 0);
}

TEST(NoisePlacement, NamesGoBothWays) {
  for (const auto placement :
       {NoisePlacement::kGlobal, NoisePlacement::kPerLayer, NoisePlacement::kPerWorker}) {
    EXPECT_EQ(noise_placement_of(name(placement)), placement);
  }
  EXPECT_THROW(noise_placement_of("everywhere"), Error);
}

}  // namespace
}  // namespace discreet::privacy
