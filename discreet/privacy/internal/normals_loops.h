// The inner loops of noise.cpp, included once per instruction set by normals.cpp, which sets the
// target and DISCREET_LANES (32-bit lanes of a vector) and opens a namespace. No include guard, no
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

/// sqrt(-2 ln u) for u = (bits + 1/2) / 2^64, to a relative 1e-14. Ends at 9.4926 for bits = 0.
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
  double p = 0.03657283707050544;
  p = p * f - 0.07436784608298763;
  p = p * f + 0.07706948124022943;
  p = p * f - 0.07149214247041823;
  p = p * f + 0.0754876160182177;
  p = p * f - 0.08316254559902464;
  p = p * f + 0.09100382764187441;
  p = p * f - 0.10001557841299596;
  p = p * f + 0.11110783390355668;
  p = p * f - 0.12499940991401966;
  p = p * f + 0.14285720101396138;
  p = p * f - 0.16666667656524572;
  p = p * f + 0.19999999953492875;
  p = p * f - 0.2499999999398682;
  p = p * f + 0.3333333333344662;
  p = p * f - 0.5000000000000583;
  const double log_u = e * 0.69314718055994530942 + (f + f * f * p);
  const double square = -2.0 * log_u;
  return __builtin_sqrt(square > 0.0 ? square : 0.0);
}

/// cos and sin of 2 pi bits / 2^64 - pi/4, from the upper 54 bits, to 1e-16.
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

/// Where the words of a group come from; normals_aes.h has another.
struct ChaCha20 {
  const std::uint32_t* key;
  explicit ChaCha20(const std::uint32_t* k) : key(k) {}

  inline __attribute__((always_inline)) void fill(std::uint64_t nonce, std::uint64_t group,
                                                  std::uint64_t* words) const {
    for (int i = 0; i < kBlocks; i += kBlocksAtOnce) {
      chacha_blocks(key, nonce, group * kBlocks + static_cast<std::uint64_t>(i),
                    reinterpret_cast<unsigned char*>(words) + 64 * i);
    }
  }
};

/// normals[i] and normals[256 + i] come from words i and 256 + i.
inline __attribute__((always_inline)) void normals_of(const std::uint64_t* words, double* normals) {
  for (int i = 0; i < kPairs; ++i) {
    double cosine, sine;
    angle_of(words[kPairs + i], cosine, sine);
    const double radius = radius_of(words[i]);
    normals[i] = radius * cosine;
    normals[kPairs + i] = radius * sine;
  }
}

template <class T, class Cipher>
inline void add_groups(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                       T* values, std::uint64_t count, double std) {
  alignas(64) std::uint64_t words[2 * kPairs];
  alignas(64) double normals[2 * kPairs];
  const Cipher cipher(key);
  for (std::uint64_t done = 0; done < count; done += 2 * kPairs, ++group) {
    cipher.fill(nonce, group, words);
    normals_of(words, normals);
    T* part = values + done;
    if (count - done >= 2 * kPairs) {
      for (int i = 0; i < 2 * kPairs; ++i) {
        part[i] = static_cast<T>(static_cast<double>(part[i]) + std * normals[i]);
      }
    } else {
      for (std::uint64_t i = 0; i < count - done; ++i) {
        part[i] = static_cast<T>(static_cast<double>(part[i]) + std * normals[i]);
      }
    }
  }
}

template <class Cipher>
inline void fill_words(const std::uint32_t* key, std::uint64_t nonce, std::uint64_t group,
                       std::uint64_t* words) {
  Cipher(key).fill(nonce, group, words);
}
