// Reference values: exposures of TensorFlow Privacy (secret_sharer/exposures_test.py), references 1 .. 16.
#include "discreet/stats/exposure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

TEST(ExposureTest, ByRankAgreesWithReferenceValues) {
  std::vector<double> references(16);
  std::iota(references.begin(), references.end(), 1.0);
  EXPECT_DOUBLE_EQ(exposure_by_rank(0, references), 4);
  EXPECT_DOUBLE_EQ(exposure_by_rank(3.5, references), 2);
  EXPECT_NEAR(exposure_by_rank(20, references), -0.08746284, 1e-8);
  EXPECT_DOUBLE_EQ(exposure_by_rank(3, references), 2) << "of equals the reference stands first";
  EXPECT_THROW(exposure_by_rank(1, {}), Error);
}

TEST(ExposureTest, OfTheWholeSpace) {
  EXPECT_NEAR(exposure_of_rank(1, 1e4), 13.2877123795, 1e-9);
  EXPECT_DOUBLE_EQ(exposure_of_rank(10000, 1e4), 0);
}

// A normal is the skew-normal of shape 0: at its median one bit, two deviations below 5.4582 bits.
TEST(ExposureTest, ByFit) {
  EXPECT_NEAR(exposure_by_fit(3, {3, 2, 0}), 1, 1e-9);
  EXPECT_NEAR(exposure_by_fit(-1, {3, 2, 0}), 5.45798, 1e-4);
}

}  // namespace
}  // namespace discreet::stats
