#include "discreet/stats/shadow_design.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace discreet::stats {
namespace {

TEST(ShadowDesign, HalfOfAnEvenNumberOfModelsAreTrainedOnEachExample) {
  constexpr int kModels = 12;
  for (const std::int64_t units : {0, 1, 2, 9, 100}) {
    std::vector<int> in(static_cast<std::size_t>(units));
    for (int model = 0; model < kModels; ++model) {
      const auto half = shadow_half(units, model, 5);
      EXPECT_TRUE(std::is_sorted(half.begin(), half.end()));
      EXPECT_EQ(static_cast<std::int64_t>(half.size()), model % 2 == 0 ? units / 2 : units - units / 2);
      for (const std::int64_t unit : half) ++in[static_cast<std::size_t>(unit)];
    }
    EXPECT_TRUE(std::all_of(in.begin(), in.end(), [](int count) { return count == kModels / 2; })) << units;
  }
}

TEST(ShadowDesign, HalvesDependOnSeedAndPairAlone) {
  EXPECT_EQ(shadow_half(50, 4, 1), shadow_half(50, 4, 1));
  EXPECT_NE(shadow_half(50, 4, 1), shadow_half(50, 4, 2));
  EXPECT_NE(shadow_half(50, 4, 1), shadow_half(50, 6, 1));
  // Membership of two examples is independent over pairs: together about half of the time.
  int together = 0;
  for (std::uint64_t model = 0; model < 400; model += 2) {
    const auto half = shadow_half(50, model, 3);
    together += std::binary_search(half.begin(), half.end(), 7) == std::binary_search(half.begin(), half.end(), 31);
  }
  EXPECT_NEAR(together, 100, 35);
}

}  // namespace
}  // namespace discreet::stats
