#include "discreet/core/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace discreet::core {
namespace {

/// Throws at index 3. The others take a while, so that no thread can have finished them all before the one
/// that throws is given a processor again.
void throw_at_third(std::size_t i) {
  if (i == 3) throw std::runtime_error("third");
  std::this_thread::sleep_for(std::chrono::microseconds(100));
}

TEST(ParallelFor, CallsEachIndexOnceForAnyNumberOfThreads) {
  for (int threads : {0, 1, 2, 7}) {
    for (std::size_t count : {0u, 1u, 2u, 1000u}) {
      std::vector<std::atomic<int>> calls(count);
      parallel_for(count, threads, [&](std::size_t i) { ++calls[i]; });
      for (const auto& c : calls) EXPECT_EQ(c.load(), 1);
    }
  }
}

TEST(ParallelFor, OneThreadMeansTheCallersInOrder) {
  std::vector<std::size_t> order;
  const auto caller = std::this_thread::get_id();
  parallel_for(5, 1, [&](std::size_t i) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(ParallelFor, SeveralThreadsReallyRun) {
  // Two indices that wait for each other end only if two threads take them.
  std::atomic<int> arrived{0};
  parallel_for(2, 2, [&](std::size_t) {
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived.load(), 2);
}

TEST(ParallelFor, AnExceptionStopsTheRestAndReachesTheCaller) {
  for (int threads : {1, 3}) {
    std::atomic<int> calls{0};
    try {
      parallel_for(100000, threads, [&](std::size_t i) {
        ++calls;
        throw_at_third(i);
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "third");
    }
    EXPECT_LT(calls.load(), 100000);
  }
}

TEST(ThreadCrew, CallsEachIndexOnceAndOneAfterAnotherOnASeat) {
  for (const int threads : {1, 2, 5}) {
    ThreadCrew crew(threads);
    ASSERT_EQ(crew.size(), threads);
    for (const std::size_t grain : {1u, 3u, 50u}) {
      for (const std::size_t count : {0u, 1u, 2u, 7u, 200u}) {
        std::vector<std::atomic<int>> calls(count);
        std::vector<std::atomic<int>> on_seat(static_cast<std::size_t>(threads));
        std::atomic<bool> shared_seat{false};
        crew.run(count, grain, [&](std::size_t i, std::size_t seat) {
          ASSERT_LT(seat, static_cast<std::size_t>(threads));
          if (++on_seat[seat] != 1) shared_seat = true;
          ++calls[i];
          --on_seat[seat];
        });
        for (const auto& c : calls) ASSERT_EQ(c.load(), 1) << threads << " " << grain << " " << count;
        EXPECT_FALSE(shared_seat);
      }
    }
  }
}

TEST(ThreadCrew, SeveralThreadsReallyRunAgainAndAgain) {
  ThreadCrew crew(2);
  for (int call = 0; call < 50; ++call) {
    std::atomic<int> arrived{0};
    crew.run(2, 1, [&](std::size_t, std::size_t) {
      ++arrived;
      while (arrived.load() < 2) std::this_thread::yield();
    });
    ASSERT_EQ(arrived.load(), 2);
    if (call % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // so that helpers sleep
  }
}

TEST(ThreadCrew, AnExceptionReachesTheCallerAndTheCrewWorksOn) {
  ThreadCrew crew(3);
  std::atomic<int> calls{0};
  EXPECT_THROW(crew.run(100000, 2,
                        [&](std::size_t i, std::size_t) {
                          ++calls;
                          throw_at_third(i);
                        }),
               std::runtime_error);
  EXPECT_LT(calls.load(), 100000);
  calls = 0;
  crew.run(10, 1, [&](std::size_t, std::size_t) { ++calls; });
  EXPECT_EQ(calls.load(), 10);
}

TEST(AvailableThreads, IsPositive) { EXPECT_GE(available_threads(), 1); }

}  // namespace
}  // namespace discreet::core
