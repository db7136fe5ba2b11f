#include "discreet/nn/schedule.h"

#include <gtest/gtest.h>

namespace discreet::nn {
namespace {

TEST(Schedule, ConstantIsThePeakEverywhere) {
  const Schedule schedule{.kind = ScheduleKind::kConstant, .peak = 0.5, .steps = 10};
  for (const int step : {0, 5, 9, 100}) EXPECT_EQ(learning_rate_at(schedule, step), 0.5);
}

TEST(Schedule, LinearFallsToTheFinalFraction) {
  const Schedule schedule{
      .kind = ScheduleKind::kLinear, .peak = 1, .steps = 4, .final_fraction = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 0), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 1), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 2), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 4), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 40), 0.2);
}

TEST(Schedule, CosineIsHalfWayInTheMiddle) {
  const Schedule schedule{.kind = ScheduleKind::kCosine, .peak = 2, .steps = 8};
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 0), 2.0);
  EXPECT_NEAR(learning_rate_at(schedule, 2), 2 * 0.8535533905932737, 1e-12);
  EXPECT_NEAR(learning_rate_at(schedule, 4), 1.0, 1e-12);
  EXPECT_NEAR(learning_rate_at(schedule, 8), 0.0, 1e-12);
}

TEST(Schedule, WarmUpRisesFromOneShareToThePeakAndThenDecays) {
  const Schedule schedule{.kind = ScheduleKind::kLinear, .peak = 1, .steps = 12, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 0), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 3), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 4), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 8), 0.5);
}

TEST(Schedule, WarmUpLongerThanTheRunNeverReachesThePeak) {
  const Schedule schedule{.kind = ScheduleKind::kCosine, .peak = 1, .steps = 3, .warmup_steps = 10};
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 2), 0.3);
}

}  // namespace
}  // namespace discreet::nn
