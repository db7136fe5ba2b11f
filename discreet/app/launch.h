#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

namespace discreet::app {

struct LaunchOptions {
  std::filesystem::path program = "/proc/self/exe";
  std::vector<std::string> arguments;  ///< The verb and what belongs to it; the same for each process.
  int processes = 1;
  bool quiet = false;                  ///< Says nothing of its own; errors are always said.
  /// After one process failed: how long the others may take to save and end by themselves.
  double grace_seconds = 30;
  double kill_seconds = 10;            ///< Between SIGTERM and SIGKILL.
  const std::atomic<int>* stop = nullptr;  ///< 0, or a signal's number: it is passed on to every process.
};

/// Starts `processes` copies of the program on this machine and waits for them. They meet on loopback,
/// at a port that nobody else has: the socket is opened here and given to rank 0. Each has its share of
/// the cores (OMP_NUM_THREADS, unless set).
///
/// Rank 0 writes to this process's stdout and stderr; lines of the others go to stderr with "[rank] "
/// before them. When one fails, the others are left alone for grace_seconds, so that they can save,
/// then ended. If this process dies, the kernel sends SIGTERM to all of them.
/// Returns 0 if rank 0 did, which speaks for all, else what the first that failed returned (128 + n: signal n
/// ended it).
/// Throws: kUsage for a number out of bounds; kRuntime if the system gives no socket or process.
int launch(const LaunchOptions& options);

}  // namespace discreet::app
