#include "discreet/privacy/internal/normals.h"

#include <bit>
#include <cmath>
#include <cstring>

// Targets by pragma are GCC's; other compilers get the portable loops.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DISCREET_X86_TARGETS
#include <immintrin.h>
#endif

// 512-bit vectors change the calling convention, which matters to functions that are not inlined.
#pragma GCC diagnostic ignored "-Wpsabi"
// GCC 12 takes the "undefined" operand inside its own intrinsics for a variable of ours.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"

namespace discreet::privacy::internal::normals {

inline constexpr int kPairs = 256;  // Pairs of normals per group: 512 normals.
inline constexpr int kBlocksAtOnce = 16;
// Counters of the words that refine a tail have this bit set; those of groups never do.
inline constexpr std::uint64_t kExtraCounters = 1ull << 63;

// clang-format off
namespace {
alignas(64) constexpr double kReciprocals[16] = {
    1.0, 0.914306640625, 0.86474609375, 0.820556640625,
    0.780517578125, 0.744140625, 0.711181640625, 0.680908203125,
    1.30615234375, 1.2548828125, 1.20751953125, 1.16357421875,
    1.122802734375, 1.084716796875, 1.049072265625, 1.0};
alignas(64) constexpr double kLogarithms[16] = {
    0.0, -0.17917854153604773, -0.29063869675312975, -0.3955446779884761,
    -0.49559603531900454, -0.5910504998256136, -0.6816548195198182, -0.7686555581837096,
    0.534171346341417, 0.4540843834597342, 0.3771365627240356, 0.30299298187868745,
    0.2316560016411602, 0.16263787243312952, 0.09581243411130279, 0.0};
alignas(64) constexpr double kCosines[16] = {
    0.8314696123025452, 0.9807852804032304, 0.9807852804032304, 0.8314696123025452,
    0.5555702330196022, 0.19509032201612828, -0.19509032201612828, -0.5555702330196022,
    -0.8314696123025452, -0.9807852804032304, -0.9807852804032304, -0.8314696123025452,
    -0.5555702330196022, -0.19509032201612828, 0.19509032201612828, 0.5555702330196022};
alignas(64) constexpr double kSines[16] = {
    -0.5555702330196022, -0.19509032201612828, 0.19509032201612828, 0.5555702330196022,
    0.8314696123025452, 0.9807852804032304, 0.9807852804032304, 0.8314696123025452,
    0.5555702330196022, 0.19509032201612828, -0.19509032201612828, -0.5555702330196022,
    -0.8314696123025452, -0.9807852804032304, -0.9807852804032304, -0.8314696123025452};
}  // namespace
// clang-format on

Grid grid_of(double std) {
  int exponent = 0;
  const double fraction = std::frexp(std, &exponent);  // In [1/2, 1).
  return {std::ldexp(1.0, exponent - 11), fraction * 0x1p11, std::ldexp(1.0, 11 - exponent)};
}

double refined_radius(std::uint64_t bits, std::uint64_t extra) {
  const double low = (static_cast<double>(extra) + 0.5) * 0x1p-64;
  const double u = std::ldexp(static_cast<double>(bits) + low, -64);
  return std::sqrt(-2.0 * std::log(u));
}

namespace portable {
#define DISCREET_LANES 4
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
}  // namespace portable

#ifdef DISCREET_X86_TARGETS
#pragma GCC push_options
#pragma GCC target("avx2,fma,aes")
namespace avx2 {
#define DISCREET_LANES 8
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
#include "discreet/privacy/internal/normals_aes.h"
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
namespace avx512 {
#define DISCREET_LANES 16
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
#include "discreet/privacy/internal/normals_avx512.h"
}  // namespace avx512
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("vaes,aes,avx512f,avx512dq,avx512vl,avx512bw,fma,prefer-vector-width=512")
namespace vaes {
#define DISCREET_LANES 16
#define DISCREET_VAES
#include "discreet/privacy/internal/normals_loops.h"
#undef DISCREET_LANES
#include "discreet/privacy/internal/normals_aes.h"
#undef DISCREET_VAES
#include "discreet/privacy/internal/normals_avx512.h"
}  // namespace vaes
#pragma GCC pop_options
#endif

namespace {

std::vector<Kernel> supported() {
  std::vector<Kernel> known;
#ifdef DISCREET_X86_TARGETS
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
  const bool has_aes = __builtin_cpu_supports("aes");
  if (has_avx512 && has_aes && __builtin_cpu_supports("vaes")) {
    using vaes::Aes128;
    known.push_back({"avx512", "aes128", vaes::grid_vectors<float, Aes128>,
                     vaes::grid_vectors<double, Aes128>, vaes::plain_groups<float, Aes128>,
                     vaes::plain_groups<double, Aes128>, vaes::fill_words<Aes128>, vaes::fill_normal_vectors<Aes128>,
                     vaes::extra_word<Aes128>});
  }
  if (has_avx512) {
    using avx512::ChaCha20;
    known.push_back({"avx512", "chacha20", avx512::grid_vectors<float, ChaCha20>,
                     avx512::grid_vectors<double, ChaCha20>, avx512::plain_groups<float, ChaCha20>,
                     avx512::plain_groups<double, ChaCha20>, avx512::fill_words<ChaCha20>, avx512::fill_normal_vectors<ChaCha20>,
                     avx512::extra_word<ChaCha20>});
  }
  if (has_avx2 && has_aes) {
    using avx2::Aes128;
    known.push_back({"avx2", "aes128", avx2::grid_groups<float, Aes128>,
                     avx2::grid_groups<double, Aes128>, avx2::plain_groups<float, Aes128>,
                     avx2::plain_groups<double, Aes128>, avx2::fill_words<Aes128>, avx2::fill_normals<Aes128>,
                     avx2::extra_word<Aes128>});
  }
  if (has_avx2 && has_aes) {
    using avx2::ChaCha20;
    known.push_back({"avx2", "chacha20", avx2::grid_groups<float, ChaCha20>,
                     avx2::grid_groups<double, ChaCha20>, avx2::plain_groups<float, ChaCha20>,
                     avx2::plain_groups<double, ChaCha20>, avx2::fill_words<ChaCha20>, avx2::fill_normals<ChaCha20>,
                     avx2::extra_word<ChaCha20>});
  }
#endif
  using portable::ChaCha20;
  known.push_back({"portable", "chacha20", portable::grid_groups<float, ChaCha20>,
                   portable::grid_groups<double, ChaCha20>, portable::plain_groups<float, ChaCha20>,
                   portable::plain_groups<double, ChaCha20>, portable::fill_words<ChaCha20>, portable::fill_normals<ChaCha20>,
                   portable::extra_word<ChaCha20>});
  return known;
}

}  // namespace

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> known = supported();
  return known;
}

const Kernel& quickest_kernel() { return kernels().front(); }

const Kernel& common_kernel() {
  static const Kernel& common = *[] {
    const Kernel* kernel = kernels().data();
    while (std::strcmp(kernel->cipher, "chacha20") != 0) ++kernel;
    return kernel;
  }();
  return common;
}

double radius(std::uint64_t bits) { return portable::radius_of(bits); }
void angle(std::uint64_t bits, double& cosine, double& sine) {
  portable::angle_of(bits, cosine, sine);
}

}  // namespace discreet::privacy::internal::normals
