// The inner loops of noise, included once per instruction set by normals.cpp, which sets the target
// and DISCREET_LANES (32-bit lanes of a vector) and opens a namespace. No include guard, no
// includes: vector types must be lowered for the target that is in force here.

inline constexpr int kLanes = DISCREET_LANES;
typedef std::uint32_t Vector __attribute__((vector_size(kLanes * 4)));

inline __attribute__((always_inline)) void quarter_round(Vector& a, Vector& b, Vector& c,
                                                         Vector& d) {
  a += b, d ^= a, d = (d << 16) | (d >> 16);
  c += d, b ^= c, b = (b << 12) | (b >> 20);
  a += b, d ^= a, d = (d << 8) | (d >> 24);
  c += d, b ^= c, b = (b << 7) | (b >> 25);
}

/// ChaCha20 (Bernstein 2008; 64-bit counter and nonce) for blocks counter .. counter+15. Word w of
/// block b stands at 4 (16 w + b) bytes, whatever the number of lanes.
inline __attribute__((always_inline)) void chacha_blocks(const std::uint32_t* key,
                                                         std::uint64_t nonce, std::uint64_t counter,
                                                         unsigned char* out) {
  for (int part = 0; part < kBlocksAtOnce; part += kLanes) {
    Vector start[16] = {Vector{} + 0x61707865u, Vector{} + 0x3320646eu, Vector{} + 0x79622d32u,
                        Vector{} + 0x6b206574u};
    for (int i = 0; i < 8; ++i) start[4 + i] = Vector{} + key[i];
    for (int lane = 0; lane < kLanes; ++lane) {
      const std::uint64_t block = counter + static_cast<std::uint64_t>(part + lane);
      start[12][lane] = static_cast<std::uint32_t>(block);
      start[13][lane] = static_cast<std::uint32_t>(block >> 32);
    }
    start[14] = Vector{} + static_cast<std::uint32_t>(nonce);
    start[15] = Vector{} + static_cast<std::uint32_t>(nonce >> 32);
    Vector x[16];
    for (int i = 0; i < 16; ++i) x[i] = start[i];
    for (int round = 0; round < 10; ++round) {
      for (int i = 0; i < 4; ++i) quarter_round(x[i], x[4 + i], x[8 + i], x[12 + i]);
      for (int i = 0; i < 4; ++i) {
        quarter_round(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
      }
    }
    for (int i = 0; i < 16; ++i) {
      x[i] += start[i];
      std::memcpy(out + 4 * (kBlocksAtOnce * i + part), &x[i], sizeof(Vector));
    }
  }
}

/// Where words come from; normals_aes.h has another. Refining words have counters of their own.
struct ChaCha20 {
  const std::uint32_t* key;
  explicit ChaCha20(const std::uint32_t* k) : key(k) {}

  /// `bytes` of a group, a multiple of 1024: block counters follow each other over the groups.
  template <int kBytes>
  inline __attribute__((always_inline)) void fill(std::uint64_t nonce, std::uint64_t group,
                                                  void* words) const {
    constexpr int kBlocks = kBytes / 64;
    for (int i = 0; i < kBlocks; i += kBlocksAtOnce) {
      chacha_blocks(key, nonce, group * kBlocks + static_cast<std::uint64_t>(i),
                    static_cast<unsigned char*>(words) + 64 * i);
    }
  }
  std::uint64_t extra(std::uint64_t nonce, std::uint64_t pair) const {
    alignas(64) std::uint64_t words[8 * kBlocksAtOnce];
    chacha_blocks(key, nonce, kExtraCounters | pair * kBlocksAtOnce,
                  reinterpret_cast<unsigned char*>(words));
    return words[0];
  }
};

/// sqrt(-2 ln u) for u = (bits + 1/2) / 2^64, to a relative 4e-16.
inline __attribute__((always_inline)) double radius_of(std::uint64_t bits) {
  // Both halves as doubles by way of their exponents; the sum rounds once.
  const double high =
      std::bit_cast<double>((bits >> 32) | 0x4530000000000000ull) - (0x1p84 + 0x1p52);
  const double low = std::bit_cast<double>((bits & 0xffffffffull) | 0x4330000000000000ull);
  const double u = (high + low) + 0.5;
  // u = m 2^(e + 64) with m in [sqrt(1/2), sqrt(2)); u starts at 1/2.
  const std::uint64_t raw = std::bit_cast<std::uint64_t>(u);
  const std::uint64_t shifted = raw - 0x3fd6a09e667f3bcdull;
  const std::uint64_t m_bits = (shifted & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull;
  const double e =
      std::bit_cast<double>(((shifted >> 52) & 0x7ffull) | 0x4330000000000000ull) - (0x1p52 + 65.0);
  const double f = std::bit_cast<double>(m_bits) - 1.0;
  // (ln(1 + f) - f) / f^2 on [sqrt(1/2) - 1, sqrt(2) - 1], interpolated at Chebyshev's nodes.
  double p = -0.02841188980419935;
  p = p * f + 0.06266064657674121;
  p = p * f - 0.0670715780261015;
  p = p * f + 0.05966902721981284;
  p = p * f - 0.060659034582028856;
  p = p * f + 0.06628203586242362;
  p = p * f - 0.07157185810386904;
  p = p * f + 0.07696569127755222;
  p = p * f - 0.08332740123370899;
  p = p * f + 0.09090675715160862;
  p = p * f - 0.10000012544787762;
  p = p * f + 0.11111118017076488;
  p = p * f - 0.12499999892994784;
  p = p * f + 0.14285714179289014;
  p = p * f - 0.1666666666658193;
  p = p * f + 0.2000000000073276;
  p = p * f - 0.2500000000000365;
  p = p * f + 0.3333333333333186;
  p = p * f - 0.49999999999999994;
  const double log_u = e * 0.69314718055994530942 + (f + f * f * p);
  const double square = -2.0 * log_u;
  return __builtin_sqrt(square > 0.0 ? square : 0.0);
}

/// cos and sin of 2 pi bits / 2^64 - pi/4, from the upper 54 bits, to 2e-16.
inline __attribute__((always_inline)) void angle_of(std::uint64_t bits, double& cosine,
                                                    double& sine) {
  const std::uint64_t quadrant = bits >> 62;
  const double f =
      std::bit_cast<double>(((bits >> 10) & 0x000fffffffffffffull) | 0x3ff0000000000000ull) - 1.5;
  const double y = f * f;
  double s = 5.633933781537854e-08;
  s = s * y - 3.59864335298231e-06;
  s = s * y + 0.0001604411507421909;
  s = s * y - 0.004681754132340976;
  s = s * y + 0.07969262624604301;
  s = s * y - 0.6459640975062443;
  s = (s * y + 1.5707963267948966) * f;
  double c = -6.321256869628588e-09;
  c = c * y + 4.710609726757823e-07;
  c = c * y - 2.520203677046026e-05;
  c = c * y + 0.0009192602741831558;
  c = c * y - 0.02086348076331121;
  c = c * y + 0.2536695079010467;
  c = c * y - 1.2337005501361697;
  c = c * y + 1.0;
  // Quadrant q turns (c, s) by q quarter turns.
  const std::uint64_t swap = 0 - (quadrant & 1);
  const std::uint64_t cb = std::bit_cast<std::uint64_t>(c), sb = std::bit_cast<std::uint64_t>(s);
  const std::uint64_t first = (cb & ~swap) | (sb & swap), second = (sb & ~swap) | (cb & swap);
  cosine = std::bit_cast<double>(first ^ (((quadrant + 1) & 2) << 62));
  sine = std::bit_cast<double>(second ^ ((quadrant & 2) << 62));
}

/// normals[i] and normals[256 + i] come from words i and 256 + i.
template <class Cipher>
inline __attribute__((always_inline)) void normals_of(const Cipher& cipher, std::uint64_t nonce,
                                                      std::uint64_t group,
                                                      const std::uint64_t* words,
                                                      double* normals) {
  std::uint64_t small = 0;
  for (int i = 0; i < kPairs; ++i) {
    double cosine, sine;
    angle_of(words[kPairs + i], cosine, sine);
    const double radius = radius_of(words[i]);
    normals[i] = radius * cosine;
    normals[kPairs + i] = radius * sine;
    small |= (words[i] / kRefineBelow) - 1;  // All ones for a word below the limit.
  }
  if ((small >> 63) == 0) return;
  for (int i = 0; i < kPairs; ++i) {
    if (words[i] >= kRefineBelow) continue;
    double cosine, sine;
    angle_of(words[kPairs + i], cosine, sine);
    const double radius = refined_radius(
        words[i], cipher.extra(nonce, group * kPairs + static_cast<std::uint64_t>(i)));
    normals[i] = radius * cosine;
    normals[kPairs + i] = radius * sine;
  }
}

/// The nearest integer, ties to even.
inline __attribute__((always_inline)) double nearest(double x) {
  constexpr double kShift = 0x1.8p52;
  const double rounded = (x + kShift) - kShift;
  return __builtin_fabs(x) < 0x1p51 ? rounded : x;
}

/// 512 values. `in` may be `out`: no value depends on another.
template <class T>
inline __attribute__((always_inline)) void round_to_grid(const T* in, const double* normals,
                                                         const Grid& grid, double step, T* out) {
#pragma GCC ivdep
  for (int i = 0; i < 2 * kPairs; ++i) {
    const double value = static_cast<double>(in[i]) * grid.inverse;
    const double whole = nearest(value);
    out[i] = static_cast<T>((whole + nearest(normals[i] * grid.cells + (value - whole))) * step);
  }
}

/// Where a group's 512 values are read and written: in place, or in `edge` for the last few.
template <class T>
struct Place {
  const T* in;
  T* out;

  inline __attribute__((always_inline)) Place(const Work<T>& work, std::uint64_t done, T* edge)
      : in(work.in == nullptr ? edge : work.in + done), out(work.out + done) {
    const std::uint64_t left = work.count - done;
    if (left >= 2 * kPairs) return;
    if (work.in != nullptr) std::memcpy(edge, in, left * sizeof(T));
    in = edge;
    out = edge;
  }
  inline __attribute__((always_inline)) void finish(const Work<T>& work, std::uint64_t done) const {
    if (out != work.out + done) std::memcpy(work.out + done, out, (work.count - done) * sizeof(T));
  }
};

template <class T, class Cipher>
inline void grid_groups(const Work<T>& work) {
  alignas(64) std::uint64_t words[2 * kPairs];
  alignas(64) double normals[2 * kPairs];
  alignas(64) T edge[2 * kPairs] = {};  // Zeros until the last group.
  const Cipher cipher(work.key);
  const Grid grid = grid_of(work.std);
  const double step = grid.step * work.scale;
  std::uint64_t group = work.group;
  for (std::uint64_t done = 0; done < work.count; done += 2 * kPairs, ++group) {
    cipher.template fill<8 * 2 * kPairs>(work.nonce, group, words);
    normals_of(cipher, work.nonce, group, words, normals);
    const Place<T> place(work, done, edge);
    round_to_grid(place.in, normals, grid, step, place.out);
    place.finish(work, done);
  }
}

/// sqrt(-2 ln u) for u = (bits + 1/2) / 2^32 in single precision, to a relative 3e-7.
inline __attribute__((always_inline)) float plain_radius_of(std::uint32_t bits) {
  const float u = static_cast<float>(static_cast<std::int32_t>(bits >> 8)) * 0x1p8f +
                  (static_cast<float>(static_cast<std::int32_t>(bits & 0xffu)) + 0.5f);
  const std::uint32_t shifted = std::bit_cast<std::uint32_t>(u) - 0x3f3504f3u;
  const float e = static_cast<float>(static_cast<std::int32_t>(shifted) >> 23) - 32.0f;
  const float m =
      std::bit_cast<float>((shifted & 0x007fffffu) + 0x3f3504f3u);
  // Near 1 the distance from 1 is what counts, and it is an exact integer.
  const std::uint32_t rest = ~bits;
  const float distance =
      (static_cast<float>(static_cast<std::int32_t>(rest >> 1)) * 2.0f +
       (static_cast<float>(static_cast<std::int32_t>(rest & 1u)) + 0.5f)) * -0x1p-32f;
  const float beyond = m - 1.0f;
  const float f = rest < 0x40000000u ? distance : beyond;
  float p = -0.07673641501674025f;
  p = p * f + 0.1272267278801096f;
  p = p * f - 0.1312755565128765f;
  p = p * f + 0.14204855952571013f;
  p = p * f - 0.16626645629127462f;
  p = p * f + 0.20001234461093456f;
  p = p * f - 0.25000781239812697f;
  p = p * f + 0.33333330028354796f;
  p = p * f - 0.4999999764977098f;
  const float log_u = e * 0.693147182f + (f + f * f * p);
  const float square = -2.0f * log_u;
  return __builtin_sqrtf(square > 0.0f ? square : 0.0f);
}

/// cos and sin of 2 pi bits / 2^32 - pi/4, to 1e-7.
inline __attribute__((always_inline)) void plain_angle_of(std::uint32_t bits, float& cosine,
                                                          float& sine) {
  const std::uint32_t quadrant = bits >> 30;
  const float t =
      static_cast<float>(static_cast<std::int32_t>((bits << 2) ^ 0x80000000u)) * 0x1p-31f;
  const float y = t * t;
  float s = -3.595429072511075e-05f;
  s = s * y + 0.0024900068014923568f;
  s = s * y - 0.08074543470810147f;
  s = (s * y + 0.7853981609766183f) * t;
  float c = 3.5297971342978537e-06f;
  c = c * y - 0.00032593858594162623f;
  c = c * y + 0.015854325228444592f;
  c = c * y - 0.30842513515829056f;
  c = c * y + 0.9999999999524894f;
  const std::uint32_t swap = 0 - (quadrant & 1);
  const std::uint32_t cb = std::bit_cast<std::uint32_t>(c), sb = std::bit_cast<std::uint32_t>(s);
  const std::uint32_t first = (cb & ~swap) | (sb & swap), second = (sb & ~swap) | (cb & swap);
  cosine = std::bit_cast<float>(first ^ (((quadrant + 1) & 2) << 30));
  sine = std::bit_cast<float>(second ^ ((quadrant & 2) << 30));
}

/// As normals_of, from words of 32 bits.
template <class Cipher>
inline __attribute__((always_inline)) void plain_normals_of(const Cipher& cipher,
                                                            std::uint64_t nonce,
                                                            std::uint64_t group,
                                                            const std::uint32_t* words,
                                                            float* normals) {
  std::uint32_t small = 0;
  for (int i = 0; i < kPairs; ++i) {
    float cosine, sine;
    plain_angle_of(words[kPairs + i], cosine, sine);
    const float radius = plain_radius_of(words[i]);
    normals[i] = radius * cosine;
    normals[kPairs + i] = radius * sine;
    small |= (words[i] / kRefinePlainBelow) - 1;
  }
  if ((small >> 31) == 0) return;
  for (int i = 0; i < kPairs; ++i) {
    if (words[i] >= kRefinePlainBelow) continue;
    float cosine, sine;
    plain_angle_of(words[kPairs + i], cosine, sine);
    const std::uint64_t extra =
        cipher.extra(nonce, group * kPairs + static_cast<std::uint64_t>(i));
    // (bits 2^64 + extra) / 2^96: the upper word of a refined one is (bits, upper half of extra).
    const double radius =
        refined_radius((std::uint64_t{words[i]} << 32) | (extra >> 32), extra << 32);
    normals[i] = static_cast<float>(radius * static_cast<double>(cosine));
    normals[kPairs + i] = static_cast<float>(radius * static_cast<double>(sine));
  }
}

template <class T, class Cipher>
inline void plain_groups(const Work<T>& work) {
  alignas(64) std::uint32_t words[2 * kPairs];
  alignas(64) float normals[2 * kPairs];
  alignas(64) T edge[2 * kPairs] = {};
  const Cipher cipher(work.key);
  const T scale = static_cast<T>(work.scale), size = static_cast<T>(work.std * work.scale);
  std::uint64_t group = work.group;
  for (std::uint64_t done = 0; done < work.count; done += 2 * kPairs, ++group) {
    cipher.template fill<4 * 2 * kPairs>(work.nonce, group, words);
    plain_normals_of(cipher, work.nonce, group, words, normals);
    const Place<T> place(work, done, edge);
#pragma GCC ivdep
    for (int i = 0; i < 2 * kPairs; ++i) {
      place.out[i] = place.in[i] * scale + size * static_cast<T>(normals[i]);
    }
    place.finish(work, done);
  }
}

template <class Cipher>
inline void fill_words(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                       std::uint64_t* words) {
  Cipher(key).template fill<8 * 2 * kPairs>(nonce, group, words);
}

template <class Cipher>
inline void fill_normals(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                         double* normals) {
  alignas(64) std::uint64_t words[2 * kPairs];
  const Cipher cipher(key);
  cipher.template fill<8 * 2 * kPairs>(nonce, group, words);
  normals_of(cipher, nonce, group, words, normals);
}

template <class Cipher>
inline std::uint64_t extra_word(const std::uint32_t* key, std::uint64_t nonce,
                                std::uint64_t pair) {
  return Cipher(key).extra(nonce, pair);
}
