#include "discreet/privacy/noise_schedule.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

using Kind = NoiseSchedule::Kind;

TEST(NoiseSchedule, Multipliers) {
  EXPECT_EQ(multiplier_in_epoch({}, 1.5, 9), 1.5);
  EXPECT_DOUBLE_EQ(multiplier_in_epoch({.kind = Kind::kExponential, .decay = 0.9}, 1.5, 3), 1.5 * 0.729);
  EXPECT_DOUBLE_EQ(multiplier_in_epoch({.kind = Kind::kLinear, .decay = 0.9}, 2, 3), 1.4);
  EXPECT_EQ(multiplier_in_epoch({.kind = Kind::kLinear, .decay = 0.5}, 2, 3), 0);
  const NoiseSchedule step{.kind = Kind::kStep, .decay = 0.5, .every = 2};
  EXPECT_EQ(multiplier_in_epoch(step, 2, 1), 2);
  EXPECT_EQ(multiplier_in_epoch(step, 2, 2), 1);
  EXPECT_EQ(multiplier_in_epoch(step, 2, 5), 0.5);
  EXPECT_EQ(multiplier_in_epoch({.kind = Kind::kExponential, .decay = 0.5, .floor = 0.4}, 1, 9), 0.4);
}

TEST(NoiseSchedule, RunsMergeEqualNeighboursAndKeepEveryStep) {
  const NoiseSchedule schedule{.kind = Kind::kExponential, .decay = 0.5, .floor = 0.25};
  const std::vector<MultiplierRun> expected{{1, 3}, {0.5, 3}, {0.25, 5}};
  EXPECT_EQ(multiplier_runs(schedule, 1, 3, 11), expected);
  EXPECT_EQ(multiplier_runs({}, 1.5, 3, 11), (std::vector<MultiplierRun>{{1.5, 11}}));
  EXPECT_EQ(multiplier_runs(schedule, 1, 3, 2), (std::vector<MultiplierRun>{{1, 2}}));
  EXPECT_EQ(multiplier_runs(schedule, 1, 3, 0), (std::vector<MultiplierRun>{{1, 0}}));
}

TEST(NoiseSchedule, RefusesWhatIsNotASchedule) {
  for (const double decay : {0.0, -0.1, 1.1, __builtin_nan("")}) {
    EXPECT_THROW(multiplier_in_epoch({.kind = Kind::kExponential, .decay = decay}, 1, 0), Error);
  }
  EXPECT_THROW(multiplier_in_epoch({.kind = Kind::kStep, .every = 0}, 1, 0), Error);
  EXPECT_THROW(multiplier_in_epoch({.floor = -1}, 1, 0), Error);
  EXPECT_THROW(multiplier_runs({}, 1, 0, 5), Error);
  EXPECT_THROW(multiplier_runs({}, 1, 5, -1), Error);
}

TEST(NoiseSchedule, NamesGoBothWays) {
  for (const Kind kind : {Kind::kConstant, Kind::kExponential, Kind::kLinear, Kind::kStep}) {
    EXPECT_EQ(noise_schedule_of(name(kind)), kind);
  }
  EXPECT_THROW(noise_schedule_of("cosine"), Error);
}

}  // namespace
}  // namespace discreet::privacy
