// AES-128 in counter mode (FIPS 197, NIST SP 800-38A), included by normals.cpp after
// normals_loops.h where the target has AES instructions; with DISCREET_VAES four blocks each.

/// Block c of the stream is the cipher of (nonce, c), 64 bits each, the lower first.
class Aes128 {
 public:
  explicit Aes128(const std::uint32_t* key) {
    keys_[0] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key));
    expand<0x01>(1), expand<0x02>(2), expand<0x04>(3), expand<0x08>(4), expand<0x10>(5);
    expand<0x20>(6), expand<0x40>(7), expand<0x80>(8), expand<0x1b>(9), expand<0x36>(10);
  }

  template <int kBytes>
  inline __attribute__((always_inline)) void fill(std::uint64_t nonce, std::uint64_t group,
                                                  void* words) const {
    constexpr int kAtOnce = 8;  // Vectors in flight, to hide the latency.
    const auto n = static_cast<long long>(nonce);
    const auto first = static_cast<long long>(group * (kBytes / 16));
    auto* out = static_cast<unsigned char*>(words);
#ifdef DISCREET_VAES
    __m512i keys[11];
    for (int i = 0; i < 11; ++i) keys[i] = _mm512_maskz_broadcast_i32x4(0xffff, keys_[i]);
    __m512i counter = _mm512_set_epi64(first + 3, n, first + 2, n, first + 1, n, first, n);
    const __m512i four = _mm512_set_epi64(4, 0, 4, 0, 4, 0, 4, 0);
    for (int vector = 0; vector < kBytes / 64; vector += kAtOnce) {
      __m512i x[kAtOnce];
      for (int j = 0; j < kAtOnce; ++j) {
        x[j] = _mm512_xor_si512(counter, keys[0]);
        counter = _mm512_add_epi64(counter, four);
      }
      for (int round = 1; round < 10; ++round) {
        for (int j = 0; j < kAtOnce; ++j) x[j] = _mm512_aesenc_epi128(x[j], keys[round]);
      }
      for (int j = 0; j < kAtOnce; ++j) {
        _mm512_storeu_si512(out + 64 * (vector + j), _mm512_aesenclast_epi128(x[j], keys[10]));
      }
    }
#else
    for (int block = 0; block < kBytes / 16; block += kAtOnce) {
      __m128i x[kAtOnce];
      for (int j = 0; j < kAtOnce; ++j) {
        x[j] = _mm_xor_si128(_mm_set_epi64x(first + block + j, n), keys_[0]);
      }
      for (int round = 1; round < 10; ++round) {
        for (int j = 0; j < kAtOnce; ++j) x[j] = _mm_aesenc_si128(x[j], keys_[round]);
      }
      for (int j = 0; j < kAtOnce; ++j) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16 * (block + j)),
                         _mm_aesenclast_si128(x[j], keys_[10]));
      }
    }
#endif
  }

  std::uint64_t extra(std::uint64_t nonce, std::uint64_t pair) const {
    __m128i x = _mm_set_epi64x(static_cast<long long>(kExtraCounters | pair),
                               static_cast<long long>(nonce));
    x = _mm_xor_si128(x, keys_[0]);
    for (int round = 1; round < 10; ++round) x = _mm_aesenc_si128(x, keys_[round]);
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_aesenclast_si128(x, keys_[10])));
  }

 private:
  template <int kConstant>
  void expand(int place) {
    __m128i key = keys_[place - 1];
    const __m128i assist =
        _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, kConstant), 0xff);
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    keys_[place] = _mm_xor_si128(key, assist);
  }

  __m128i keys_[11];
};
