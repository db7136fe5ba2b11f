#include "discreet/stats/paired.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace discreet::stats {
namespace {

double p_value(const std::vector<double>& differences) {
  const std::vector<double> zeros(differences.size(), 0.0);
  return wilcoxon_signed_rank(differences, zeros).p_value.value();
}

TEST(SignedRankTest, AllDifferencesOfOneSignGiveTheSmallestPossiblePValue) {
  EXPECT_DOUBLE_EQ(p_value({1, 2, 3, 4, 5}), 0.0625);
  EXPECT_DOUBLE_EQ(p_value({-1, -2, -3, -4, -5, -6, -7, -8}), 0.0078125);
  EXPECT_DOUBLE_EQ(p_value({0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0}), 2 / 1024.0);
}

// By hand: of the 16 sign patterns of ranks 1..4 the sums 8, 9 and 10 come from one each, 7 from two.
TEST(SignedRankTest, FourPairsByHand) {
  const SignedRank result =
      wilcoxon_signed_rank(std::array{3.0, 5.0, 1.0, 9.0}, std::array{2.0, 3.0, 4.0, 5.0});
  EXPECT_EQ(result.statistic, 1 + 2 + 4);  // differences 1, 2, -3, 4
  EXPECT_DOUBLE_EQ(*result.p_value, 2 * 5 / 16.0);
}

TEST(SignedRankTest, EqualPairsAreLeftOutAndCounted) {
  const SignedRank result =
      wilcoxon_signed_rank(std::array{1.0, 2.0, 3.0}, std::array{1.0, 1.0, 1.0});
  EXPECT_EQ(result.pairs, 2u);
  EXPECT_EQ(result.equal, 1u);
  const SignedRank none = wilcoxon_signed_rank(std::array{1.0}, std::array{1.0});
  EXPECT_FALSE(none.p_value.has_value());
}

/// The definition: every pattern of signs on the midranks.
double p_by_enumeration(const std::vector<double>& differences) {
  std::vector<double> ranks;
  for (const double a : differences) {
    double smaller = 0, equal = 0;
    for (const double b : differences) {
      smaller += std::abs(b) < std::abs(a);
      equal += std::abs(b) == std::abs(a);
    }
    ranks.push_back(smaller + (equal + 1) / 2);
  }
  double seen = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) seen += differences[i] > 0 ? ranks[i] : 0;
  double below = 0, above = 0, patterns = std::pow(2, static_cast<double>(ranks.size()));
  for (std::size_t pattern = 0; pattern < static_cast<std::size_t>(patterns); ++pattern) {
    double sum = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) sum += (pattern >> i & 1) != 0 ? ranks[i] : 0;
    below += sum <= seen;
    above += sum >= seen;
  }
  return std::min(1.0, 2 * std::min(below, above) / patterns);
}

TEST(SignedRankTest, TiesEqualTheEnumeration) {
  for (const std::vector<double>& differences :
       {std::vector<double>{1, 1, -1, 2, 2, 3}, {0.5, -0.5, 0.5, -0.5}, {2, 2, 2, -1, 4, -4, 4}}) {
    EXPECT_NEAR(p_value(differences), p_by_enumeration(differences), 1e-12);
  }
}

TEST(SignedRankTest, SwappingTheSidesChangesNothing) {
  const std::array a{0.3, 0.1, 0.9, 0.4, 0.7}, b{0.2, 0.2, 0.5, 0.1, 0.9};
  EXPECT_DOUBLE_EQ(*wilcoxon_signed_rank(a, b).p_value, *wilcoxon_signed_rank(b, a).p_value);
}

}  // namespace
}  // namespace discreet::stats
