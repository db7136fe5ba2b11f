#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "discreet/core/error.h"
#include "discreet/core/json.h"

namespace discreet::core {

/// How work that may take long speaks to whoever called it.
struct OperationContext {
  /// Called for each line of a streaming result (predict, simulate); may be empty.
  std::function<void(const Json&)> emit;
  /// Set by a signal handler: 0, or the signal's number. Work saves and returns soon after.
  const std::atomic<int>* stop = nullptr;
  bool quiet = false;

  bool stopping() const { return stop != nullptr && stop->load() != 0; }
};

/// The error that ends work after a signal, with exit code 130 (SIGINT) or 143 (SIGTERM). `saved` says
/// what was saved and how to go on. Throw it once everything is on the disk.
inline Error interrupted(const OperationContext& context, const std::string& saved) {
  constexpr int kSigterm = 15;
  const bool terminated = context.stop != nullptr && context.stop->load() == kSigterm;
  return {terminated ? ErrorCode::kTerminated : ErrorCode::kInterrupted,
          terminated ? "stopped by SIGTERM" : "interrupted", saved};
}

/// A verb's work as data: a request with the fields that the operation documents, a document back.
/// Operations that need tensors live in libdiscreet and are loaded on demand (app/loader.h).
/// Registered under kind "operation".
using Operation = Json (*)(const Json& request, OperationContext& context);

}  // namespace discreet::core
