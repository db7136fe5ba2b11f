#include "discreet/privacy/slots.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

/// Chi-square of counts against uniform, in standard deviations of its normal limit (Wilson-Hilferty).
double uniform_sigmas(const std::vector<double>& counts) {
  double total = 0, chi = 0;
  for (const double count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  for (const double count : counts) chi += (count - expected) * (count - expected) / expected;
  const double freedom = static_cast<double>(counts.size()) - 1;
  return (std::cbrt(chi / freedom) - (1 - 2 / (9 * freedom))) / std::sqrt(2 / (9 * freedom));
}

// Fixed seeds; with random ones each comparison would fail a correct build with probability 1e-6.
TEST(SlotAssignment, IsUniformAndIndependentBetweenSteps) {
  for (const std::int64_t slots : {2, 3, 16, 64}) {
    const SlotAssignment assignment(slots, 7);
    std::vector<double> counts(static_cast<std::size_t>(slots));
    std::vector<double> pairs(static_cast<std::size_t>(slots * slots));
    for (std::uint64_t unit = 0; unit < 200000; ++unit) {
      const auto first = assignment.slot_of(0, unit), second = assignment.slot_of(1, unit);
      ASSERT_TRUE(first >= 0 && first < slots);
      ++counts[static_cast<std::size_t>(first)];
      ++pairs[static_cast<std::size_t>(first * slots + second)];
    }
    EXPECT_LT(std::abs(uniform_sigmas(counts)), 4.9) << slots;
    EXPECT_LT(std::abs(uniform_sigmas(pairs)), 4.9) << slots;
  }
}

TEST(SlotAssignment, ATestOfChunksWouldFail) {
  std::vector<double> pairs(16);
  for (std::uint64_t unit = 0; unit < 2000; ++unit) ++pairs[(unit / 500) * 4 + unit / 500];
  EXPECT_GT(uniform_sigmas(pairs), 4.9);
}

TEST(SlotAssignment, SecureKeysDifferAndSeedsRepeat) {
  const SlotAssignment one(16), other(16), seeded(16, 3), again(16, 3);
  EXPECT_TRUE(one.secure());
  EXPECT_FALSE(seeded.secure());
  int same = 0, repeated = 0;
  for (std::uint64_t unit = 0; unit < 4000; ++unit) {
    same += one.slot_of(0, unit) == other.slot_of(0, unit);
    repeated += seeded.slot_of(5, unit) == again.slot_of(5, unit);
  }
  EXPECT_EQ(repeated, 4000);
  EXPECT_LT(same, 250 + 6 * 16);  // binomial, 6 standard deviations
}

TEST(SlotAssignment, RefusesNoSlots) {
  EXPECT_THROW(SlotAssignment(0), Error);
  EXPECT_THROW(SlotAssignment(-1), Error);
  EXPECT_THROW(SlotAssignment(SlotAssignment::kMostSlots + 1), Error);
}

}  // namespace
}  // namespace discreet::privacy
