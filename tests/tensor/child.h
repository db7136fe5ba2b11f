#pragma once

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "discreet/core/error.h"
#include "discreet/core/internal/fault_plan.h"

namespace discreet::testing {

/// How a child process ended.
struct ChildEnd {
  int code = -1;    ///< Exit code; -1 if a signal ended it.
  int signal = 0;   ///< The signal that ended it.
};

/// Starts `work` in a forked process, with its own injected fault if `fault_at` > 0. The parent must
/// have run nothing in parallel before: threads do not survive a fork. Exit codes are the program's.
inline pid_t start_child(const std::function<void()>& work, long fault_at = 0,
                         const std::string& fault_kind = "error") {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  core::internal::fault_plan() = {.at = fault_at, .kill = fault_kind == "kill"};
  try {
    work();
    ::_exit(0);
  } catch (const Error& e) {
    if (std::getenv("DISCREET_TEST_SHOW") != nullptr) std::fprintf(stderr, "child: %s\n", e.what());
    ::_exit(e.exit_code());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "child: %s\n", e.what());
    ::_exit(70);
  }
}

inline ChildEnd wait_for(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return {-1, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

inline ChildEnd run_child(const std::function<void()>& work, long fault_at = 0,
                          const std::string& fault_kind = "error") {
  return wait_for(start_child(work, fault_at, fault_kind));
}

}  // namespace discreet::testing
