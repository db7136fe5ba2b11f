#include "discreet/privacy/participation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

TEST(FixedOrderSampler, EveryUnitOnceInAPassAndAPassApart) {
  FixedOrderSampler sampler(23, 5, 7);
  EXPECT_EQ(sampler.steps_per_pass(), 5);
  EXPECT_EQ(sampler.participation(12).most, 3);
  EXPECT_EQ(sampler.participation(12).separation, 5);
  EXPECT_EQ(sampler.expected_batch_size(), 5);
  EXPECT_EQ(sampler.plan().sampling_rate, 1);
  ParticipationGuard guard(23, sampler.participation(15));
  std::vector<int> seen(23, 0);
  for (std::uint64_t step = 0; step < 15; ++step) {
    const auto batch = sampler.sample(step);
    guard.take(step, batch);
    for (const std::uint64_t unit : batch) ++seen[unit];
    EXPECT_EQ(batch, sampler.sample(step));  // nothing random
    EXPECT_EQ(batch.size(), step % 5 == 4 ? 3U : 5U);
  }
  EXPECT_EQ(seen, std::vector<int>(23, 3));
  EXPECT_NE(FixedOrderSampler(23, 5, 8).sample(0), sampler.sample(0));
  EXPECT_THROW(FixedOrderSampler(4, 5, 0), Error);
}

TEST(CyclicPoissonSampler, DrawsFromOneGroupAfterTheOther) {
  const std::uint64_t seed = 3;
  CyclicPoissonSampler sampler(100, 5, 4, 1, &seed);
  EXPECT_DOUBLE_EQ(sampler.plan().sampling_rate, 0.2);
  EXPECT_EQ(sampler.participation(10).most, 3);
  EXPECT_EQ(sampler.participation(10).separation, 4);
  ParticipationGuard guard(100, {1000, 4});
  std::map<std::uint64_t, std::set<std::uint64_t>> groups;
  double drawn = 0;
  constexpr int kSteps = 4000;
  for (std::uint64_t step = 0; step < kSteps; ++step) {
    const auto batch = sampler.sample(step);
    guard.take(step, batch);
    drawn += static_cast<double>(batch.size());
    for (const std::uint64_t unit : batch) groups[unit].insert(step % 4);
  }
  EXPECT_EQ(groups.size(), 100U);
  for (const auto& [unit, of] : groups) EXPECT_EQ(of.size(), 1U) << unit;
  // A step draws Bin(25, 0.2): 5.3 standard errors.
  EXPECT_NEAR(drawn / kSteps, 5, 5.3 * 2 / std::sqrt(kSteps));
  EXPECT_THROW(CyclicPoissonSampler(100, 30, 4, 1), Error);
  EXPECT_TRUE(CyclicPoissonSampler(100, 5, 4, 1).secure());
  EXPECT_FALSE(sampler.secure());
}

TEST(ParticipationGuard, RefusesTooSoonTooOftenAndTwice) {
  using Batch = std::vector<std::uint64_t>;
  ParticipationGuard guard(4, {2, 3});
  guard.take(0, Batch{0, 1});
  EXPECT_THROW(guard.take(2, Batch{1}), Error);     // two steps after
  EXPECT_THROW(guard.take(2, Batch{2, 2}), Error);  // twice in a step
  guard.take(3, Batch{1, 2});
  EXPECT_THROW(guard.take(6, Batch{1}), Error);  // a third time
  guard.take(6, Batch{0, 2});                    // what was refused left no trace
  try {
    guard.take(9, Batch{0});
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kPrivacyRefused);
  }
}

}  // namespace
}  // namespace discreet::privacy
