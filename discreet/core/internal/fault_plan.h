#pragma once

namespace discreet::core::internal {

/// What `fault_point` does, from the environment; a test may set it before it forks a child.
struct FaultPlan {
  long at = 0;               ///< The point that fails, from 1; 0: none.
  bool kill = false;         ///< SIGKILL instead of an exception.
  bool no_exchange = false;  ///< As on a file system that cannot exchange two folders.
};

FaultPlan& fault_plan();

}  // namespace discreet::core::internal
