#pragma once

// Element-wise mathematics that compilers turn into vector code: no branches, no calls, no tables.
// float versions are accurate to about 1e-7 absolute; double versions are the standard library's.
// NaN comes out as NaN. Bits are cast by the compiler's own operator: GCC does not inline
// std::bit_cast into functions cloned for another instruction set, and the loop around it stays
// scalar.

#include <cmath>
#include <cstdint>

// One function body compiled for several instruction sets; the loader picks. By features, not by
// arch=, which GCC takes as "this very processor", so that newer ones would get the plain version.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define DISCREET_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DISCREET_CLONES
#endif
#define DISCREET_INLINE inline __attribute__((always_inline))

namespace discreet::nn::kernels {

/// exp(x): x = n ln 2 + r with |r| <= ln 2 / 2, Taylor to r^7 (remainder 5e-9), n into the
/// exponent. Saturates at exp(-87.3) and exp(88.3).
DISCREET_INLINE float fast_exp(float x) {
  x = x < -87.3f ? -87.3f : x;  // comparisons with NaN are false: it stays
  x = x > 88.3f ? 88.3f : x;
  constexpr float kRound = 12582912.0f;  // 1.5 x 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;  // ln 2 in two parts
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const std::int32_t exponent =
      __builtin_bit_cast(std::int32_t, shifted) - __builtin_bit_cast(std::int32_t, kRound);
  return p * __builtin_bit_cast(float, (exponent + 127) << 23);
}
DISCREET_INLINE double fast_exp(double x) { return std::exp(x); }

/// The largest of n > 0 numbers.
template <class T>
DISCREET_INLINE T row_maximum(const T* __restrict x, std::int64_t n) {
  T largest = x[0];
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

template <class T>
DISCREET_INLINE T sigmoid(T x) {
  return T{1} / (T{1} + fast_exp(-x));
}
DISCREET_INLINE float fast_tanh(float x) { return 1.0f - 2.0f / (1.0f + fast_exp(2.0f * x)); }
DISCREET_INLINE double fast_tanh(double x) { return std::tanh(x); }

/// The standard normal's distribution function, given its argument and exp(-x^2 / 2).
/// float: Abramowitz and Stegun 7.1.26, error 7.5e-8.
DISCREET_INLINE float normal_cdf(float x, float gauss) {
  const float z = std::fabs(x) * 0.707106781f;
  const float t = 1.0f / (1.0f + 0.3275911f * z);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float tail = 0.5f * p * t * gauss;
  return x < 0 ? tail : 1.0f - tail;
}
DISCREET_INLINE double normal_cdf(double x, double) { return 0.5 * std::erfc(-x * M_SQRT1_2); }

}  // namespace discreet::nn::kernels
