#include "discreet/app/ops/internal/device.h"

#include <fmt/format.h>

#include "discreet/app/internal/device_name.h"
#include "discreet/core/error.h"
#include "discreet/core/process_place.h"

namespace discreet::app {

at::Device find_device(const std::string& name) {
  if (!internal::is_device_name(name)) {
    throw usage_error(fmt::format("there is no device \"{}\"", name), "Choose cpu, cuda, cuda:N or auto.");
  }
  const std::int64_t devices = at::hasCUDA() ? static_cast<std::int64_t>(at::getNumGPUs()) : 0;
  if (name == "cpu" || (name == "auto" && devices == 0)) return at::kCPU;
  const std::size_t colon = name.find(':');
  const bool named = colon != std::string::npos;
  const std::int64_t index = named         ? std::stoll(name.substr(colon + 1))
                             : devices > 0 ? core::process_place().local_rank % devices
                                           : 0;
  if (index >= devices) {
    const std::string there = !at::hasCUDA() ? "this libtorch was built without CUDA"
                              : devices == 0 ? "libtorch finds no CUDA device"
                                             : fmt::format("there are {} CUDA devices, from 0", devices);
    throw usage_error(fmt::format("device \"{}\": {}", name, there),
                      "Take cpu, or build against a libtorch with CUDA; discreet doctor says what there is.");
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

}  // namespace discreet::app
