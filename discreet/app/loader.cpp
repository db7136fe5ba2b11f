#include "discreet/app/loader.h"

#include <dlfcn.h>
#include <malloc.h>

#include <cstdlib>
#include <mutex>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

constexpr const char* kLibraryName = "libdiscreet.so";

std::filesystem::path folder_of_base() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&load_tensor_library), &info) == 0 ||
      info.dli_fname == nullptr) {
    return {};
  }
  std::error_code ignored;
  const auto path = std::filesystem::canonical(info.dli_fname, ignored);
  return path.parent_path();
}

std::string last_dl_error() {
  const char* text = dlerror();
  return text == nullptr ? "unknown reason" : text;
}

/// A step takes and frees tensors of the same sizes as the one before. By default glibc hands large
/// ones back to the system, which then clears every page of the next: a third of a step of large batches.
void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, -1);  // Never.
#endif
}

/// After each loop OpenMP's threads wait by spinning, by default for 300,000 turns. Where another
/// process wants their core, that is time taken from the very work they wait for: a step of two threads on a
/// busy machine took ten times as long. At 10,000 turns an idle machine loses 3 % and a busy one little.
void wait_briefly() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "10000", 0);
}

void load_and_register() {
  keep_freed_memory();
  wait_briefly();  // before libtorch brings libgomp, which reads it once
  const auto path = tensor_library_path();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw runtime_failure(
        fmt::format("{}: not there; this verb needs the part of discreet that uses libtorch",
                    path.string()),
        "Build with -DDISCREET_TENSORS=ON (`make` does), or set DISCREET_LIBRARY_PATH to the "
        "folder of libdiscreet.so.");
  }
  // Local symbols, as Python's extensions are loaded: what libtorch exports (protobuf among it) must
  // not take the place of the program's own. Never closed: libtorch's threads outlive any handle.
  void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    throw runtime_failure(fmt::format("{}: cannot be loaded: {}", path.string(), last_dl_error()),
                          "`discreet doctor` says which libraries were found; a libtorch that moved "
                          "needs a new build (`make`).");
  }
  using Register = void (*)(core::Registry&);
  const auto register_all = reinterpret_cast<Register>(dlsym(handle, "discreet_register"));
  if (register_all == nullptr) {
    throw runtime_failure(fmt::format("{}: not a libdiscreet: {}", path.string(), last_dl_error()));
  }
  register_all(core::registry());
}

}  // namespace

std::filesystem::path tensor_library_path() {
  if (const char* given = std::getenv("DISCREET_LIBRARY_PATH"); given != nullptr && *given != 0) {
    std::error_code ignored;
    const std::filesystem::path path = given;
    return std::filesystem::is_directory(path, ignored) ? path / kLibraryName : path;
  }
  return folder_of_base() / kLibraryName;
}

void load_tensor_library() {
  static std::once_flag once;
  std::call_once(once, load_and_register);  // a throw leaves the flag unset: the next call tries anew
}

Json call_operation(const std::string& name, const Json& request,
                    core::OperationContext& context) {
  if (!core::registry().contains("operation", name)) load_tensor_library();
  return core::registry().make<core::Operation>("operation", name)(request, context);
}

}  // namespace discreet::app
