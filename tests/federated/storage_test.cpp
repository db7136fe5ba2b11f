#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/federated/storage.h"
#include "discreet/federated/virtual_clock.h"

namespace discreet::federated {
namespace {

using Items = std::vector<std::int64_t>;

Items after(const std::string& policy, const std::vector<Items>& periods) {
  DeviceStore store(parse_storage(policy), 1, "0");
  std::int64_t period = 0;
  for (const Items& items : periods) store.arrive(++period, items);
  EXPECT_EQ(store.count(), static_cast<std::int64_t>(store.items().size()));
  return store.items();
}

TEST(Storage, Policies) {
  const std::vector<Items> periods = {{1, 2, 3}, {4, 5}, {}, {6}};
  EXPECT_EQ(after("keep-all", periods), (Items{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(after("window:1", periods), (Items{6}));
  EXPECT_EQ(after("window:3", periods), (Items{4, 5, 6}));
  EXPECT_EQ(after("ttl:2", {{1}, {2}, {3}}), (Items{2, 3}));
  EXPECT_EQ(after("fifo:2", periods), (Items{5, 6}));
  EXPECT_EQ(after("reservoir:4", periods).size(), 4u);
  for (const char* wrong : {"window", "window:0", "fifo:x", "all", "reservoir:-1", "keep-all:3"}) {
    EXPECT_THROW(parse_storage(wrong), Error) << wrong;
  }
}

TEST(Storage, AReservoirIsAUniformSampleOfAllThatCame) {
  constexpr int kDevices = 20000;
  std::vector<int> kept(10, 0);
  for (int device = 0; device < kDevices; ++device) {
    DeviceStore store(parse_storage("reservoir:3"), 5, std::to_string(device));
    store.arrive(1, {0, 1, 2, 3});
    store.arrive(2, {4, 5, 6, 7, 8, 9});
    for (const std::int64_t item : store.items()) ++kept[static_cast<std::size_t>(item)];
  }
  for (const int count : kept) {
    EXPECT_NEAR(count / double(kDevices), 0.3, 5 * std::sqrt(0.3 * 0.7 / kDevices));
  }
}

TEST(Storage, ArrivalsKeepEveryItemOnce) {
  Items items(11);
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = static_cast<std::int64_t>(i);
  Items all;
  for (const Items& part : arrivals(items, 4)) {
    EXPECT_TRUE(part.size() == 2 || part.size() == 3);
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all, items);
  EXPECT_DOUBLE_EQ(forgetting({0.2, 0.9, 0.7}), 0.2);
  EXPECT_DOUBLE_EQ(forgetting({}), 0);
}

TEST(VirtualClock, EventsComeByTimeThenByOrder) {
  VirtualClock clock;
  clock.at(2, 1, 0);
  clock.at(1, 2, 0);
  clock.at(1, 3, 0);
  EXPECT_EQ(clock.next()->device, 2);
  clock.after(0.5, 4, 7);
  EXPECT_EQ(clock.next()->device, 3);
  EXPECT_EQ(clock.next()->kind, 7);
  EXPECT_DOUBLE_EQ(clock.now(), 1.5);
  EXPECT_EQ(clock.next()->device, 1);
  EXPECT_FALSE(clock.next().has_value());
  EXPECT_THROW(clock.at(1, 0, 0), Error);
}

TEST(DeviceProfile, CostsAndAvailability) {
  const DeviceProfile device{.seconds_per_example = 0.01, .bytes_per_second = 100, .active_seconds = 10, .idle_seconds = 30, .phase = 5};
  EXPECT_DOUBLE_EQ(device.round_seconds(20, 2, 300, 100), 3 * 20 * 2 * 0.01 + 4);
  EXPECT_TRUE(device.available(4));
  EXPECT_FALSE(device.available(6));
  EXPECT_DOUBLE_EQ(device.next_available(6), 35);
  EXPECT_TRUE(device.available(35));
  EXPECT_DOUBLE_EQ(draw_device({}, 1, "7").seconds_per_example, draw_device({}, 1, "7").seconds_per_example);
  EXPECT_NE(draw_device({}, 1, "7").seconds_per_example, draw_device({}, 1, "8").seconds_per_example);
}

TEST(Rounds, CloseByGoalDeadlineOrNotAtAll) {
  const double never = std::numeric_limits<double>::infinity();
  const std::vector<double> seconds = {5, 1, never, 3, 9};
  auto outcome = close_round(seconds, {.goal = 2});
  EXPECT_EQ(outcome.reported, (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(outcome.ended, "goal_achieved");
  EXPECT_DOUBLE_EQ(outcome.seconds, 3);
  outcome = close_round(seconds, {.goal = 4, .deadline = 6, .least_share = 0.7});
  EXPECT_EQ(outcome.reported, (std::vector<std::size_t>{1, 3, 0}));
  EXPECT_EQ(outcome.ended, "time_up");
  EXPECT_DOUBLE_EQ(outcome.seconds, 6);
  outcome = close_round(seconds, {.goal = 4, .deadline = 6, .least_share = 0.8});
  EXPECT_EQ(outcome.ended, "abandoned");
  EXPECT_TRUE(outcome.reported.empty());
  EXPECT_EQ(close_round({1, 2}, {}).ended, "all_received");
}

}  // namespace
}  // namespace discreet::federated
