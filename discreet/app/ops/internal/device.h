#pragma once

#include <string>

#include "discreet/nn/torch.h"

namespace discreet::app {

/// The device that `name` means on this machine: "cpu", "cuda" (for a process of several the one of its
/// rank on this machine), "cuda:N", or "auto" (CUDA where there is one, else the CPU).
/// Throws: kUsage if there is no such device, or libtorch cannot use it.
at::Device find_device(const std::string& name);

}  // namespace discreet::app
