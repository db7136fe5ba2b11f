#pragma once

#include <cstdint>
#include <vector>

#include "discreet/nn/torch.h"

namespace discreet::nn {

/// Whether our own kernels take this tensor: they are the CPU's. Elsewhere layers are made of the
/// library's operations, which give the same up to rounding.
bool has_kernels(const at::Tensor& tensor);

/// While one lives, no tensor has kernels: what other devices compute is then computed here, which is
/// how the tests compare the two without such a device. Not for several threads.
class LibraryOperationsScope {
 public:
  LibraryOperationsScope();
  ~LibraryOperationsScope();
  LibraryOperationsScope(const LibraryOperationsScope&) = delete;
  LibraryOperationsScope& operator=(const LibraryOperationsScope&) = delete;

 private:
  bool before_;
};

/// Copies of tensors on the host, at the device's full speed; waits for all of them once. Undefined
/// tensors stay undefined.
std::vector<at::Tensor> brought_to_host(const std::vector<at::Tensor>& tensors);

/// Until a device has done all that it was asked.
void wait_for(at::Device device);

/// int64 [N] with the number of each row's run, on a device. `offsets` [S+1]: rows of run s.
at::Tensor run_numbers(const std::vector<std::int64_t>& offsets, at::Device device);

}  // namespace discreet::nn
