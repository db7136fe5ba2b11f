#pragma once

#include <atomic>
#include <filesystem>
#include <string>

#include "discreet/app/loader.h"
#include "discreet/core/files.h"
#include "discreet/core/operation.h"
#include "tests/tensor/child.h"

namespace discreet::testing {

/// The exit code of an operation in a process of its own; `stop` ends it as a signal would.
inline int call_in_child(const std::string& operation, const Json& request,
                         const std::atomic<int>* stop = nullptr) {
  return run_child([&] {
           core::OperationContext context;
           context.quiet = true;
           context.stop = stop;
           app::call_operation(operation, request, context);
         }).code;
}

/// The bytes of a run's final weights.
inline std::string saved_weights(const std::filesystem::path& run) {
  return core::read_file(run / "model" / "model.safetensors");
}

}  // namespace discreet::testing
