#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace discreet::core {

/// A reproducible generator for everything that is not a privacy mechanism: initial weights,
/// shuffles, corpora, bootstrap. Philox4x32-10 (Salmon et al. 2011), counter based: a seed and a
/// stream name give the same bits on every machine and for every number of threads (`normal` up to
/// the rounding of the machine's logarithm and cosine). Never accepted where a guarantee is
/// claimed: noise and sampling take `SecureRng`.
class ReproducibleRng {
 public:
  using result_type = std::uint64_t;
  explicit ReproducibleRng(std::uint64_t seed, std::string_view stream = "");
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();

  /// Uniform in [0, 1) with 53 bits.
  double uniform();
  /// Uniform in 0..bound-1, without modulo bias. bound 0 is an error (kInternal).
  std::uint64_t below(std::uint64_t bound);
  double normal();

  /// Where the generator stands, for checkpoints.
  struct State {
    std::array<std::uint32_t, 2> key;
    std::array<std::uint32_t, 4> counter;
    std::uint32_t used;
  };
  State state() const;
  void restore(const State& state);

 private:
  void refill();
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  std::uint32_t used_ = 4;
};

/// A cryptographic generator for privacy mechanisms: ChaCha20 keyed with 256 bits from the
/// operating system. It cannot be seeded, copied or saved; a resumed run and a forked process draw
/// a fresh key, so that no noise is ever replayed. Each refill replaces the key (fast key erasure):
/// who reads the memory later learns nothing of the noise drawn before the present buffer.
class SecureRng {
 public:
  using result_type = std::uint64_t;
  /// Throws: kPrivacyRefused if the system gives no entropy.
  SecureRng();
  ~SecureRng();
  SecureRng(const SecureRng&) = delete;
  SecureRng& operator=(const SecureRng&) = delete;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();
  void fill(std::span<std::byte> bytes);
  /// Uniform in [0, 1) with 53 bits.
  double uniform();

 private:
  void draw_key();
  void refill();
  std::array<unsigned char, 32> key_;
  std::vector<std::uint64_t> buffer_;
  std::size_t used_ = 0;
  unsigned forks_ = 0;  ///< Forks of the process when the key was drawn.
};

/// Fisher-Yates; the same order on every machine for a given generator state.
template <class T>
void shuffle(std::span<T> items, ReproducibleRng& rng) {
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[rng.below(i)]);
}

}  // namespace discreet::core
