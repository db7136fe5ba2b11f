#pragma once

#include <cstdint>
#include <vector>

namespace discreet::privacy::internal::normals {

/// values[i] += std * normal(512 * group + i) for i < count.
template <class T>
using AddNormals = void (*)(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                            T* values, std::uint64_t count, double std);

/// The loops compiled for one instruction set.
struct Kernel {
  const char* name;
  AddNormals<float> add_float;
  AddNormals<double> add_double;
  /// The 512 words of 64 bits from which group `group` is made.
  void (*fill_words)(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                     std::uint64_t* words);
};

/// Those from ChaCha20 that this processor runs, fastest first; the last is the portable one. All
/// give the same numbers.
std::vector<Kernel> kernels();
/// The fastest from any cipher: "vaes" (AES-256 in counter mode) where the processor has it, else
/// the first of `kernels`. Its numbers depend on the processor.
Kernel quickest_kernel();

/// The parts of Box-Muller, for tests: see normals.h.
double radius(std::uint64_t bits);
void angle(std::uint64_t bits, double& cosine, double& sine);

}  // namespace discreet::privacy::internal::normals
