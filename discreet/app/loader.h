#pragma once

#include <filesystem>
#include <string>

#include "discreet/core/operation.h"

namespace discreet::app {

/// Where libdiscreet, the library that needs libtorch, is looked for: the file or folder named by
/// DISCREET_LIBRARY_PATH if that is set, else the folder of libdiscreet_base (build and install
/// trees keep the two together). The file need not exist.
std::filesystem::path tensor_library_path();

/// Loads libdiscreet and lets it register its operations, models and layer rules; the first call
/// costs libtorch's start (about half a second), later ones nothing. Safe from several threads.
/// Throws: kRuntime naming the file and the system's reason.
void load_tensor_library();

/// Runs operation `name` (kind "operation") on `request`; loads libdiscreet if the base has no such
/// operation. Throws: kRuntime if the library is not there; kUsage for an unknown name; whatever the
/// operation throws.
Json call_operation(const std::string& name, const Json& request,
                    core::OperationContext& context);

}  // namespace discreet::app
