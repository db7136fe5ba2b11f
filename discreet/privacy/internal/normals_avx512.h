// Normals on the grid with 512-bit vectors, included by normals.cpp after normals_loops.h: the same
// steps, with tables in registers where the plain loops have longer polynomials.

/// Both tables of sixteen doubles stand in two registers each.
inline __attribute__((always_inline)) __m512d look_up(const double* table, __m512i index) {
  return _mm512_permutex2var_pd(_mm512_load_pd(table), index, _mm512_load_pd(table + 8));
}

inline __attribute__((always_inline)) __m512d polynomial(__m512d, __m512d top) { return top; }
template <class... Rest>
inline __attribute__((always_inline)) __m512d polynomial(__m512d x, __m512d top, double next,
                                                         Rest... rest) {
  return polynomial(x, _mm512_fmadd_pd(top, x, _mm512_set1_pd(next)), rest...);
}

/// As radius_of: u = m 2^e with m in [3/4, 3/2); m times a short reciprocal from a table is within
/// 1/16 of 1. To a relative 3e-16.
inline __attribute__((always_inline)) __m512d radii_of(__m512i bits) {
  const __m512d one = _mm512_set1_pd(1.0);
  const __m512d u = _mm512_add_pd(_mm512_cvtepu64_pd(bits), _mm512_set1_pd(0.5));
  const __m512d m = _mm512_maskz_getmant_pd(0xff, u, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_src);
  const __mmask8 below_one = _mm512_cmp_pd_mask(m, one, _CMP_LT_OQ);
  __m512d e = _mm512_sub_pd(_mm512_maskz_getexp_pd(0xff, u), _mm512_set1_pd(64.0));
  e = _mm512_mask_add_pd(e, below_one, e, one);
  const __m512i index = _mm512_srli_epi64(_mm512_castpd_si512(m), 48);
  const __m512d r = _mm512_fmsub_pd(m, look_up(kReciprocals, index), one);
  // -2 ln(1 + r) = -2 r + r^2 q(r), q interpolated at Chebyshev's nodes of [-1/32, 1/16].
  const __m512d square = polynomial(
      r, _mm512_set1_pd(0.176875975996176), -0.22163825723359526, 0.25003679996432815,
      -0.2857158276055454, 0.3333333174144361, -0.3999999990657348, 0.5000000000018634,
      -0.6666666666668057, 0.9999999999999999, -2.0);
  const __m512d x = _mm512_fmadd_pd(e, _mm512_set1_pd(-1.3862943611198906),
                                    _mm512_fmadd_pd(square, r, look_up(kLogarithms, index)));
  return _mm512_sqrt_pd(_mm512_max_pd(x, _mm512_setzero_pd()));
}

/// As angle_of: a sixteenth of the circle from a table, the rest by polynomials. To 2e-16. Turned by
/// -pi/4 to give what angle_of gives.
inline __attribute__((always_inline)) void angles_of(__m512i bits, __m512d& cosine, __m512d& sine) {
  const __m512i index = _mm512_srli_epi64(bits, 60);
  const __m512d c0 = look_up(kCosines, index), s0 = look_up(kSines, index);
  const __m512i rest = _mm512_xor_si512(_mm512_slli_epi64(bits, 4),
                                        _mm512_set1_epi64(static_cast<long long>(1ull << 63)));
  const __m512d t = _mm512_mul_pd(_mm512_cvtepi64_pd(rest), _mm512_set1_pd(0x1p-63));
  const __m512d y = _mm512_mul_pd(t, t);
  const __m512d s = _mm512_mul_pd(
      t, polynomial(y, _mm512_set1_pd(1.1945423420106028e-12), -2.2324338133823844e-09,
                    2.432025947349139e-06, -0.001261648627941884, 0.19634954084936207));
  const __m512d c = _mm512_mul_pd(
      y, polynomial(y, _mm512_set1_pd(-2.345409882390424e-14), 5.479216714893249e-11,
                    -7.958786301402937e-08, 6.193103220240363e-05, -0.019276571095877652));
  cosine = _mm512_add_pd(c0, _mm512_fmsub_pd(c0, c, _mm512_mul_pd(s0, s)));
  sine = _mm512_add_pd(s0, _mm512_fmadd_pd(s0, c, _mm512_mul_pd(c0, s)));
}

inline __attribute__((always_inline)) __m512d load_values(const float* in) {
  return _mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(in));
}
inline __attribute__((always_inline)) __m512d load_values(const double* in) {
  return _mm512_loadu_pd(in);
}
inline __attribute__((always_inline)) void store_values(float* out, __m512d values) {
  _mm256_storeu_ps(out, _mm512_maskz_cvtpd_ps(0xff, values));
}
inline __attribute__((always_inline)) void store_values(double* out, __m512d values) {
  _mm512_storeu_pd(out, values);
}
inline __attribute__((always_inline)) __m512d nearest_of(__m512d x) {
  return _mm512_maskz_roundscale_pd(0xff, x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/// Replaces the radii of the words below kRefineBelow; once in two million vectors.
template <class Cipher>
__attribute__((noinline)) __m512d refined(__m512d radii, __m512i bits, const Cipher& cipher,
                                          std::uint64_t nonce, std::uint64_t first_pair) {
  alignas(64) double radius[8];
  alignas(64) std::uint64_t words[8];
  _mm512_store_pd(radius, radii);
  _mm512_store_si512(words, bits);
  for (std::uint64_t i = 0; i < 8; ++i) {
    if (words[i] >= kRefineBelow) continue;
    radius[i] = refined_radius(words[i], cipher.extra(nonce, first_pair + i));
  }
  return _mm512_load_pd(radius);
}

/// Eight normals from words i .. i + 7 of a group's first half and eight from its second.
template <class Cipher>
inline __attribute__((always_inline)) void normal_vectors(const Cipher& cipher, std::uint64_t nonce,
                                                          std::uint64_t group,
                                                          const std::uint64_t* words, int i,
                                                          __m512d (&normals)[2]) {
  const __m512i limit = _mm512_set1_epi64(static_cast<long long>(kRefineBelow));
  const __m512i bits = _mm512_load_si512(words + i);
  __m512d radius = radii_of(bits);
  if (__builtin_expect(_mm512_cmplt_epu64_mask(bits, limit) != 0, 0)) {
    radius = refined(radius, bits, cipher, nonce, group * kPairs + static_cast<std::uint64_t>(i));
  }
  __m512d cosine, sine;
  angles_of(_mm512_load_si512(words + kPairs + i), cosine, sine);
  normals[0] = _mm512_mul_pd(radius, cosine);
  normals[1] = _mm512_mul_pd(radius, sine);
}

template <class Cipher>
inline void fill_normal_vectors(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                                double* out) {
  alignas(64) std::uint64_t words[2 * kPairs];
  const Cipher cipher(key);
  cipher.template fill<8 * 2 * kPairs>(nonce, group, words);
  for (int i = 0; i < kPairs; i += 8) {
    __m512d normals[2];
    normal_vectors(cipher, nonce, group, words, i, normals);
    _mm512_storeu_pd(out + i, normals[0]);
    _mm512_storeu_pd(out + kPairs + i, normals[1]);
  }
}

template <class T, class Cipher>
inline void grid_vectors(const Work<T>& work) {
  alignas(64) std::uint64_t words[2 * kPairs];
  alignas(64) T edge[2 * kPairs] = {};  // Zeros until the last group.
  const Cipher cipher(work.key);
  const Grid grid = grid_of(work.std);
  const __m512d inverse = _mm512_set1_pd(grid.inverse), cells = _mm512_set1_pd(grid.cells);
  const __m512d step = _mm512_set1_pd(grid.step * work.scale);
  std::uint64_t group = work.group;
  for (std::uint64_t done = 0; done < work.count; done += 2 * kPairs, ++group) {
    const Place<T> values(work, done, edge);
    cipher.template fill<8 * 2 * kPairs>(work.nonce, group, words);
    for (int i = 0; i < kPairs; i += 8) {
      __m512d normals[2];
      normal_vectors(cipher, work.nonce, group, words, i, normals);
      for (int half = 0; half < 2; ++half) {
        const int place = half * kPairs + i;
        const __m512d value = _mm512_mul_pd(load_values(values.in + place), inverse);
        const __m512d whole = nearest_of(value);
        const __m512d noise =
            nearest_of(_mm512_fmadd_pd(normals[half], cells, _mm512_sub_pd(value, whole)));
        store_values(values.out + place, _mm512_mul_pd(_mm512_add_pd(whole, noise), step));
      }
    }
    values.finish(work, done);
  }
}
