#include "discreet/privacy/internal/normals.h"

#include <bit>
#include <cstring>

// Targets by pragma are GCC's; other compilers get the portable loops.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DISCREET_X86_TARGETS
#include <immintrin.h>
#endif

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

#ifdef DISCREET_X86_TARGETS
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

#pragma GCC push_options
#pragma GCC target("vaes,aes,avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
namespace vaes {
#define DISCREET_LANES 16
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
#include "discreet/privacy/internal/normals_aes.h"
}  // namespace vaes
#pragma GCC pop_options
#endif

namespace {

#ifdef DISCREET_X86_TARGETS
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("fma");
}
#endif

}  // namespace

std::vector<Kernel> kernels() {
  std::vector<Kernel> known;
#ifdef DISCREET_X86_TARGETS
  if (has_avx512()) {
    using avx512::ChaCha20;
    known.push_back({"avx512", avx512::add_groups<float, ChaCha20>,
                     avx512::add_groups<double, ChaCha20>, avx512::fill_words<ChaCha20>});
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    using avx2::ChaCha20;
    known.push_back({"avx2", avx2::add_groups<float, ChaCha20>, avx2::add_groups<double, ChaCha20>,
                     avx2::fill_words<ChaCha20>});
  }
#endif
  using portable::ChaCha20;
  known.push_back({"portable", portable::add_groups<float, ChaCha20>,
                   portable::add_groups<double, ChaCha20>, portable::fill_words<ChaCha20>});
  return known;
}

Kernel quickest_kernel() {
#ifdef DISCREET_X86_TARGETS
  if (has_avx512() && __builtin_cpu_supports("vaes") && __builtin_cpu_supports("aes")) {
    using vaes::Aes256;
    return {"vaes", vaes::add_groups<float, Aes256>, vaes::add_groups<double, Aes256>,
            vaes::fill_words<Aes256>};
  }
#endif
  return kernels().front();
}

double radius(std::uint64_t bits) { return portable::radius_of(bits); }
void angle(std::uint64_t bits, double& cosine, double& sine) {
  portable::angle_of(bits, cosine, sine);
}

}  // namespace discreet::privacy::internal::normals
