#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace discreet::privacy {

/// Adds Gaussian noise to what is released. One object serves one mechanism; noise is never drawn
/// twice from one place of its stream.
class NoiseSource {
 public:
  virtual ~NoiseSource() = default;
  /// Once per logical step, before its noise.
  virtual void begin_step(std::uint64_t step) = 0;
  /// values[i] += std * z_i with z_i independent standard normals. std 0 leaves the values alone.
  /// Throws: kUsage for a negative or non-finite std.
  virtual void add_gaussian(std::span<float> values, double std) = 0;
  virtual void add_gaussian(std::span<double> values, double std) = 0;
  /// Standard deviation of what `add_gaussian(…, std)` adds to one number in this step; other than std
  /// where the noise of several steps is correlated.
  virtual double step_deviation(double std) const { return std; }
  /// False: the noise can be recomputed from the seed, so no guarantee holds against who knows it.
  virtual bool secure() const = 0;
};

namespace internal {
/// A counter-based stream of standard normals: ChaCha20 (RFC 8439 rounds, 64-bit counter), or
/// AES-256 in counter mode where the processor makes it quicker and nobody asks for the same
/// numbers everywhere, gives 64-bit uniforms; Box-Muller in double gives two normals for two of
/// them. Normal i depends on key, nonce and i only, not on how calls or threads cut the stream, up
/// to rounding between machines with and without fused multiply-add.
struct NormalStream {
  std::array<std::uint32_t, 8> key{};
  std::uint64_t nonce = 0;
  std::uint64_t position = 0;   ///< Index of the next normal; a multiple of kNormalsPerGroup.
  bool same_everywhere = true;  ///< ChaCha20 on every machine.
};
inline constexpr std::uint64_t kNormalsPerGroup = 512;

template <class T>
void add_normals(NormalStream& stream, std::span<T> values, double std, int threads);

/// Radius and angle of Box-Muller from 64 random bits each: what the vector code computes, in the
/// plainest form, for tests and for the end of the tail.
struct NormalPair {
  double first, second;
};
NormalPair box_muller(std::uint64_t radius_bits, std::uint64_t angle_bits);
}  // namespace internal

/// Noise from a cryptographic generator keyed by the operating system. It cannot be seeded, copied
/// or saved; `begin_step` never rewinds.
///
/// Guarantee: normals from 64-bit uniforms in double precision; the tail ends at `kTailEnd`
/// standard deviations, and `truncation_delta` says what that costs.
/// Not protected: the set of reachable floating-point values (Mironov 2012; Jin et al. 2021).
/// Edge cases: an empty span draws nothing.
/// Cost: one pass; about 2 ns per value on one core with AVX-512 and VAES, 3 without VAES, 6 with AVX2.
class SecureNoise final : public NoiseSource {
 public:
  /// Throws: kPrivacyRefused if the system gives no entropy.
  explicit SecureNoise(int threads = 1);
  ~SecureNoise() override;
  SecureNoise(const SecureNoise&) = delete;
  SecureNoise& operator=(const SecureNoise&) = delete;
  void begin_step(std::uint64_t step) override;
  void add_gaussian(std::span<float> values, double std) override;
  void add_gaussian(std::span<double> values, double std) override;
  bool secure() const override { return true; }

 private:
  internal::NormalStream stream_;
  int threads_;
};

/// The same distribution from a seed: only for `--insecure-seed`. The noise of a step is a function
/// of seed, stream name and step alone, so that a resumed run adds the same noise.
class InsecureNoise final : public NoiseSource {
 public:
  explicit InsecureNoise(std::uint64_t seed, const std::string& stream = "", int threads = 1);
  void begin_step(std::uint64_t step) override;
  void add_gaussian(std::span<float> values, double std) override;
  void add_gaussian(std::span<double> values, double std) override;
  bool secure() const override { return false; }

 private:
  internal::NormalStream stream_;
  int threads_;
};

/// Where the radius of 64-bit Box-Muller ends: sqrt(2 * 65 ln 2).
inline constexpr double kTailEnd = 9.4926;

/// What a tail that ends at `tail_end` adds to delta at most: draws * P(|z| > tail_end) *
/// (1 + exp(epsilon)); draws = parameters times steps.
double truncation_delta(double draws, double epsilon, double tail_end = kTailEnd);

}  // namespace discreet::privacy
