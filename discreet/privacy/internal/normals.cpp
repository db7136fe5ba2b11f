#include "discreet/privacy/internal/normals.h"

#include <bit>
#include <cstring>

// 512-bit vectors change the calling convention, which matters to functions that are not inlined.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace discreet::privacy::internal::normals {

inline constexpr int kPairs = 256;  // Pairs of normals per group: 512 normals.
inline constexpr int kBlocks = 64;  // ChaCha20 blocks per group: 512 words of 64 bits.
inline constexpr int kBlocksAtOnce = 16;

namespace portable {
#define DISCREET_LANES 4
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
}  // namespace portable

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#define DISCREET_LANES 8
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
namespace avx512 {
#define DISCREET_LANES 16
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
}  // namespace avx512
#pragma GCC pop_options
#endif

std::vector<Kernel> kernels() {
  std::vector<Kernel> known;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
    known.push_back({"avx512", avx512::add_groups<float>, avx512::add_groups<double>});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    known.push_back({"avx2", avx2::add_groups<float>, avx2::add_groups<double>});
  }
#endif
  known.push_back({"portable", portable::add_groups<float>, portable::add_groups<double>});
  return known;
}

double radius(std::uint64_t bits) { return portable::radius_of(bits); }
void angle(std::uint64_t bits, double& cosine, double& sine) {
  portable::angle_of(bits, cosine, sine);
}

}  // namespace discreet::privacy::internal::normals
