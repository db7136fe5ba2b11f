#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "discreet/nn/device.h"

namespace discreet::nn::test {

/// Where and by what a computation can be done here.
struct Place {
  std::string name;
  at::Device device = at::kCPU;
  bool operations = false;  ///< by the library's operations, as other devices do it
};

/// The CPU's kernels, the library's operations on the CPU, and CUDA where there is one.
inline std::vector<Place> places() {
  std::vector<Place> all = {{"kernels"}, {"library operations", at::kCPU, true}};
  if (at::hasCUDA() && at::getNumGPUs() > 0) all.push_back({"CUDA", at::kCUDA});
  return all;
}

/// Calls body(place) for each.
inline void for_places(const std::function<void(const Place&)>& body) {
  for (const Place& place : places()) {
    std::optional<LibraryOperationsScope> operations;
    if (place.operations) operations.emplace();
    body(place);
  }
}

}  // namespace discreet::nn::test
