#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace discreet::core {

/// Processors this process may run on (its affinity mask), at least 1.
int available_threads();

/// Calls work(0) … work(count - 1), each once, on up to `threads` threads (0: available_threads()),
/// the caller's among them. Which thread takes which index is not determined: let each index write
/// its own place and seed its own generator, and the result is the same for any number of threads.
/// The first exception stops the handing out of further work and is thrown again here.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& work);

/// Threads that stay between pieces of work, for work that comes often and takes little: starting a thread
/// takes longer than it.
///
/// The caller's thread works too, so that a crew of one has no thread of its own. Not to be shared by
/// callers.
class ThreadCrew {
 public:
  explicit ThreadCrew(int threads);
  ~ThreadCrew();
  ThreadCrew(const ThreadCrew&) = delete;
  ThreadCrew& operator=(const ThreadCrew&) = delete;

  int size() const;
  /// Calls work(i, seat) for each i below `count`, each once; what has the same seat, below size(), runs one
  /// after another. Indices are handed out in runs of `grain`. The first exception stops the handing out and
  /// is thrown again here.
  void run(std::size_t count, std::size_t grain, const std::function<void(std::size_t, std::size_t)>& work);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace discreet::core
