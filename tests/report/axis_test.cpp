#include "discreet/report/internal/axis.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

namespace discreet::report::internal {
namespace {

std::vector<std::string> texts(const Axis& axis) {
  std::vector<std::string> all;
  for (const Tick& tick : axis.ticks) all.push_back(tick.text);
  return all;
}

using Texts = std::vector<std::string>;

TEST(Axis, TicksAreRoundAndLookAlike) {
  EXPECT_EQ(texts(linear_axis(0.3, 9.7, 0, 1, 5)), (Texts{"0", "2", "4", "6", "8", "10"}));
  EXPECT_EQ(texts(linear_axis(0.61, 0.97, 0, 1, 5)), (Texts{"0.6", "0.7", "0.8", "0.9", "1.0"}));
  EXPECT_EQ(texts(linear_axis(-1.5, 2.2, 0, 1, 4)), (Texts{"-2", "-1", "0", "1", "2", "3"}));
  EXPECT_EQ(texts(linear_axis(0, 3e4, 0, 1, 3)), (Texts{"0", "10k", "20k", "30k"}));
  EXPECT_EQ(texts(log_axis(0.001, 0, 1)), (Texts{"0.001", "0.01", "0.1", "1"}));
}

TEST(Axis, ATightOneEndsWhereItsValuesDo) {
  const Axis axis = tight_axis(1, 97, 10, 106, 6);
  EXPECT_EQ(texts(axis), (Texts{"20", "40", "60", "80"}));
  EXPECT_DOUBLE_EQ(axis.place(1), 10);
  EXPECT_DOUBLE_EQ(axis.place(97), 106);
  EXPECT_EQ(texts(tight_axis(-20, -10, 0, 1, 5)), (Texts{"-20", "-18", "-16", "-14", "-12", "-10"}));
}

TEST(Axis, OneValueAloneHasAPlace) {
  for (const double value : {0.0, 0.25, -3.0, 1e12}) {
    const Axis axis = linear_axis(value, std::nextafter(value, value + 1), 0, 100, 5);
    EXPECT_TRUE(std::isfinite(axis.place(value))) << value;
    EXPECT_GE(axis.ticks.size(), 2u) << value;
  }
}

RC_GTEST_PROP(Axis, TicksCoverTheValuesInOrderAndOnThePicture, (int a, int b, bool upright)) {
  const double low = std::min(a, b) / 1000.0, high = std::max(a, b) / 1000.0;
  const double from = upright ? 200 : 0, to = upright ? 0 : 200;
  const Axis axis = linear_axis(low, high, from, to, 5);
  RC_ASSERT(axis.low <= low + 1e-6 * std::abs(low) + 1e-12);
  RC_ASSERT(axis.high >= high - 1e-6 * std::abs(high) - 1e-12);
  RC_ASSERT(axis.ticks.size() >= 2u);
  RC_ASSERT(axis.ticks.size() <= 8u);
  for (std::size_t i = 0; i < axis.ticks.size(); ++i) {
    const double place = axis.place(axis.ticks[i].value);
    RC_ASSERT(place >= -1e-6);
    RC_ASSERT(place <= 200 + 1e-6);
    if (i > 0) RC_ASSERT(axis.ticks[i].value > axis.ticks[i - 1].value);
  }
}

}  // namespace
}  // namespace discreet::report::internal
