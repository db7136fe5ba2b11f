#include "discreet/core/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace discreet::core {

int available_threads() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
  if (threads <= 0) threads = available_threads();
  const std::size_t workers = std::min(count, static_cast<std::size_t>(threads));
  if (workers <= 1) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < count;) {
      try {
        work(i);
      } catch (...) {
        const std::lock_guard lock(failure_mutex);
        if (!failure) failure = std::current_exception();
        next.store(count);
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < workers; ++i) helpers.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

struct ThreadCrew::Shared {
  std::mutex mutex;
  std::condition_variable called, done;
  std::atomic<std::uint64_t> call = 0;  // rises with each piece of work
  bool ends = false;
  std::size_t at_work = 0;  // helpers that have not finished the present call
  // Of the present call.
  std::size_t count = 0, grain = 1;
  const std::function<void(std::size_t, std::size_t)>* work = nullptr;
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::vector<std::thread> helpers;

  void take_part(std::size_t seat) {
    for (std::size_t begin; (begin = next.fetch_add(grain)) < count;) {
      const std::size_t end = std::min(count, begin + grain);
      try {
        for (std::size_t i = begin; i < end; ++i) (*work)(i, seat);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next.store(count);
      }
    }
  }

  void help(std::size_t seat) {
    std::uint64_t seen = 0;
    for (;;) {
      // Calls often follow at once: a short look costs less than to sleep and be woken.
      for (int look = 0; look < kLooks && call.load(std::memory_order_acquire) == seen; ++look) pause();
      {
        std::unique_lock lock(mutex);
        called.wait(lock, [&] { return ends || call.load() != seen; });
        if (ends) return;
        seen = call.load();
      }
      take_part(seat);
      const std::lock_guard lock(mutex);
      if (--at_work == 0) done.notify_one();
    }
  }

  static constexpr int kLooks = 1000;
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
};

ThreadCrew::ThreadCrew(int threads) : shared_(std::make_unique<Shared>()) {
  for (int i = 1; i < threads; ++i) {
    shared_->helpers.emplace_back([shared = shared_.get(), i] { shared->help(static_cast<std::size_t>(i)); });
  }
}

ThreadCrew::~ThreadCrew() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->ends = true;
  }
  shared_->called.notify_all();
  for (std::thread& helper : shared_->helpers) helper.join();
}

int ThreadCrew::size() const { return static_cast<int>(shared_->helpers.size()) + 1; }

void ThreadCrew::run(std::size_t count, std::size_t grain,
                     const std::function<void(std::size_t, std::size_t)>& work) {
  Shared& shared = *shared_;
  if (shared.helpers.empty() || count <= grain) {
    for (std::size_t i = 0; i < count; ++i) work(i, 0);
    return;
  }
  {
    const std::lock_guard lock(shared.mutex);
    shared.count = count;
    shared.grain = std::max<std::size_t>(1, grain);
    shared.work = &work;
    shared.next.store(0);
    shared.failure = nullptr;
    shared.at_work = shared.helpers.size();
    shared.call.fetch_add(1, std::memory_order_release);
  }
  shared.called.notify_all();
  shared.take_part(0);
  std::unique_lock lock(shared.mutex);
  shared.done.wait(lock, [&] { return shared.at_work == 0; });
  if (shared.failure) std::rethrow_exception(shared.failure);
}

}  // namespace discreet::core
