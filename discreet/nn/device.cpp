#include "discreet/nn/device.h"

#include <algorithm>
#include <atomic>

namespace discreet::nn {
namespace {

std::atomic<bool> library_operations = false;

}  // namespace

bool has_kernels(const at::Tensor& tensor) { return tensor.is_cpu() && !library_operations; }

LibraryOperationsScope::LibraryOperationsScope() : before_(library_operations.exchange(true)) {}
LibraryOperationsScope::~LibraryOperationsScope() { library_operations = before_; }

std::vector<at::Tensor> brought_to_host(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> hosts(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].defined()) continue;
    const auto pinned = at::TensorOptions(tensors[i].scalar_type()).pinned_memory(true);
    hosts[i] = at::empty(tensors[i].sizes(), pinned);
    hosts[i].copy_(tensors[i], /*non_blocking=*/true);
  }
  for (const at::Tensor& tensor : tensors) {
    if (!tensor.defined()) continue;
    wait_for(tensor.device());
    break;
  }
  return hosts;
}

void wait_for(at::Device device) {
  if (!device.is_cpu()) at::zeros({1}, at::TensorOptions().device(device)).item<float>();
}

at::Tensor run_numbers(const std::vector<std::int64_t>& offsets, at::Device device) {
  at::Tensor numbers = at::empty({offsets.back()}, at::kLong);
  auto* to = numbers.data_ptr<std::int64_t>();
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    std::fill(to + offsets[s], to + offsets[s + 1], static_cast<std::int64_t>(s));
  }
  return numbers.to(device);
}

}  // namespace discreet::nn
