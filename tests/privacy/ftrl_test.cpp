#include "discreet/privacy/ftrl.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

TEST(Ftrl, BandsNeverReachOverAPass) {
  EXPECT_EQ(chosen_bands({}, 100, 40), 16);
  EXPECT_EQ(chosen_bands({}, 100, 5), 5);
  EXPECT_EQ(chosen_bands({}, 3, 5), 3);
  EXPECT_EQ(chosen_bands({.bands = 30}, 100, 40), 30);
  try {
    chosen_bands({.bands = 41}, 100, 40);
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused);
  }
  // A single pass has no second participation.
  EXPECT_EQ(chosen_bands({.bands = 64}, 100, 100), 64);
}

TEST(Ftrl, TakesTheTreeWithTheSmallerError) {
  for (const bool honaker : {false, true}) {
    for (const Participation pattern :
         {Participation{1, 100}, Participation{2, 50}, Participation{20, 5}}) {
      const FtrlOptions options{.matrix = "tree", .honaker = honaker};
      const auto chosen = make_strategy(options, 100, pattern);
      for (const std::int64_t restart : {std::int64_t{0}, pattern.separation}) {
        EXPECT_LE(prefix_rmse(*chosen, pattern),
                  prefix_rmse(TreeStrategy(100, honaker, restart), pattern) + 1e-12);
      }
    }
  }
  EXPECT_THROW(make_strategy({.matrix = "triangle"}, 10, {1, 10}), Error);
  EXPECT_EQ(make_strategy({}, 100, {4, 25})->memory(), 30);
}

}  // namespace
}  // namespace discreet::privacy
