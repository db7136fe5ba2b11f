#include "discreet/stats/reliability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::stats {
namespace {

// Shrout and Fleiss 1979, table 2: six targets, four judges; ICC(1,1) .17 and ICC(1,4) .44 in table 4.
TEST(ReliabilityGolden, ShroutAndFleiss) {
  const std::vector<double> ratings = {9, 2, 5, 8, 6, 1, 3, 2, 8, 4, 6, 8, 7, 1, 2, 6, 10, 5, 6, 9, 6, 2, 4, 7};
  const auto found = intraclass_correlation(ratings, 6, 4);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->single, .1657, 5e-5);
  EXPECT_NEAR(found->average, .4428, 5e-5);
  EXPECT_NEAR(found->ci.low, -.1329, 5e-4);  // as the R package psych prints it
  EXPECT_NEAR(found->ci.high, .7226, 5e-4);
}

TEST(Reliability, AllOrNothing) {
  EXPECT_EQ(intraclass_correlation(std::vector<double>{1, 1, 2, 2, 3, 3}, 3, 2)->single, 1);
  EXPECT_LT(intraclass_correlation(std::vector<double>{1, 2, 2, 1}, 2, 2)->single, 0);
  EXPECT_FALSE(intraclass_correlation(std::vector<double>{4, 4, 4, 4}, 2, 2));
  EXPECT_FALSE(intraclass_correlation(std::vector<double>{1, 2, 3}, 3, 1));
  EXPECT_THROW(intraclass_correlation(std::vector<double>{1, 2, 3}, 2, 2), Error);
}

TEST(Reliability, NoiseIsTakenOut) {
  EXPECT_NEAR(*disattenuated(.3, .5, .72), .5, 1e-12);
  EXPECT_NEAR(*disattenuated(.9, .5, .5), 1.8, 1e-12);
  EXPECT_FALSE(disattenuated(.3, 0, .5));
  EXPECT_FALSE(disattenuated(.3, -.1, .5));
}

// By hand: rows 0, 0, 6, 6 and 2, 2, 8, 8 (columns of two repeats): rows differ by 2, columns by 6, nothing else.
// Mean squares: a 8, b 72, interaction 0, repeats 0; components a 8/4 = 2, b 72/4 = 18.
TEST(VarianceComponents, ByHand) {
  const auto found = variance_components(std::vector<double>{0, 0, 6, 6, 2, 2, 8, 8}, 2, 2, 2);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->a, 2, 1e-12);
  EXPECT_NEAR(found->b, 18, 1e-12);
  EXPECT_NEAR(found->interaction, 0, 1e-12);
  EXPECT_NEAR(found->repeats, 0, 1e-12);
  // Repeats +-1 around them: mean square 2; the interaction's estimate (0 - 2) / 2 is cut at 0.
  const auto noisy = variance_components(std::vector<double>{-1, 1, 5, 7, 1, 3, 7, 9}, 2, 2, 2);
  EXPECT_NEAR(noisy->repeats, 2, 1e-12);
  EXPECT_EQ(noisy->interaction, 0);
  EXPECT_FALSE(variance_components(std::vector<double>{1, 2, 3, 4}, 2, 2, 1));
  EXPECT_THROW(variance_components(std::vector<double>{1, 2, 3}, 2, 2, 2), Error);
}

TEST(VarianceComponentsStatistical, FindsWhatIsPlanted) {
  core::ReproducibleRng rng(3, "components");
  double a = 0, b = 0, ab = 0, repeats = 0;
  constexpr int kTrials = 300, kLevels = 8, kRepeats = 3;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> row(kLevels), column(kLevels), values;
    for (double& effect : row) effect = 3 * rng.normal();
    for (double& effect : column) effect = rng.normal();
    for (int i = 0; i < kLevels; ++i) {
      for (int j = 0; j < kLevels; ++j) {
        const double both = 2 * rng.normal();
        for (int r = 0; r < kRepeats; ++r) values.push_back(row[i] + column[j] + both + rng.normal());
      }
    }
    const auto found = variance_components(values, kLevels, kLevels, kRepeats);
    a += found->a / kTrials;
    b += found->b / kTrials;
    ab += found->interaction / kTrials;
    repeats += found->repeats / kTrials;
  }
  EXPECT_NEAR(a, 9, 1.6);
  EXPECT_NEAR(b, 1, .5);
  EXPECT_NEAR(ab, 4, .4);
  EXPECT_NEAR(repeats, 1, .05);
}

}  // namespace
}  // namespace discreet::stats
