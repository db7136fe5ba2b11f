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
};

/// Those that this processor runs, fastest first; the last is the portable one.
std::vector<Kernel> kernels();

/// The parts of Box-Muller, for tests: see normals.h.
double radius(std::uint64_t bits);
void angle(std::uint64_t bits, double& cosine, double& sine);

}  // namespace discreet::privacy::internal::normals
