#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/process_place.h"
#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Another process of the run ended, or stopped answering, in the middle of common work. Its code is
/// kRuntime, or the code of the error that the other process reported.
class LostProcess : public Error {
 public:
  LostProcess(ErrorCode code, const std::string& message, std::string hint, std::vector<int> ranks)
      : Error(code, message, std::move(hint)), ranks_(std::move(ranks)) {}
  /// Those that are gone, rising; empty if none could be named.
  const std::vector<int>& ranks() const { return ranks_; }

 private:
  std::vector<int> ranks_;
};

/// The processes of one run, as each of them sees it. All calls but `rank` and `size` are collective:
/// every process makes them in the same order, and none returns before all have come.
///
/// Guarantee: results are the same bits on all processes. A process that ends is noticed at once, one
/// that hangs after the group's timeout; both throw LostProcess, and the group cannot be used again.
/// Shapes: R processes. Outputs are contiguous and of the inputs' type and device.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool leads() const { return rank() == 0; }
  bool alone() const { return size() == 1; }

  /// rows [R, n]: row r goes to process r; row r of received [R, n] comes from process r.
  virtual void exchange(const at::Tensor& rows, at::Tensor& received) = 0;
  /// mine [n]; fills all [R, n] on every process.
  virtual void gather_all(const at::Tensor& mine, at::Tensor& all) = 0;
  /// mine [n]; returns [R, n] on rank 0 and an undefined tensor elsewhere.
  virtual at::Tensor gather(const at::Tensor& mine) = 0;
  /// Overwrites `values` by rank 0's.
  virtual void share(at::Tensor& values) = 0;

  /// Tells the others why this process ends, so that they can say so; not collective. Rank 0's group,
  /// when it is destroyed, waits a moment for them to have read it. Throws nothing.
  virtual void leave(const Error& reason) noexcept = 0;

  /// "gloo", "nccl and gloo", "none".
  virtual std::string backend() const = 0;
};

/// The group of a process that works alone: every call gives back what it was given.
std::shared_ptr<ProcessGroup> make_lonely_group();

/// Meets the other processes at `place` and returns the group, over Gloo for tensors on the CPU and
/// NCCL for those on a CUDA device where this build has it; alone, `make_lonely_group`.
/// `timeout` bounds the meeting and each collective call.
/// Throws: LostProcess if not all came in time; kRuntime if the address cannot be reached.
std::shared_ptr<ProcessGroup> make_process_group(const core::ProcessPlace& place,
                                                 std::chrono::milliseconds timeout);

/// What this build and this machine can use: {"gloo", "nccl"} or fewer.
std::vector<std::string> process_backends();

}  // namespace discreet::nn
