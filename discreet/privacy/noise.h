#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace discreet::privacy {

/// How noise meets the values it is added to.
enum class NoiseProtection {
  /// The sum of value and noise is rounded to a grid of 1024 to 2048 steps to a standard deviation.
  /// Rounding the Gaussian mechanism is post-processing, so the guarantee is the one on paper, at the
  /// price of `grid_cost`: the attacks on floating-point samplers (Mironov 2012; Jin et al. 2021)
  /// have nothing to read. The grid adds less than 1e-7 to the noise's relative variance.
  kGrid,
  /// Normals in single precision added in floating point: twice as fast, and which values can be
  /// reached tells of the sum.
  kNone,
};

/// A part of a step's noise at a place of its own in the stream, so that parts can be drawn in any
/// order and on any thread: out[i] = (in[i] + std z_i) scale. `in` may be out.data(); null: zeros.
struct ReservedNoise {
  std::uint64_t position;  ///< As reserved, plus a multiple of kNormalsPerGroup.
  const float* in;
  std::span<float> out;
  double std;
  double scale;
};

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
  /// Whether the released bits tell no more than the mechanism on paper: NoiseProtection::kGrid.
  virtual bool floating_point_safe() const { return false; }

  /// Sets aside the noise of `count` values, to be drawn by `add_reserved`; null from a source that
  /// can only add noise in sequence. Each place of what is set aside must be drawn at most once.
  virtual std::optional<std::uint64_t> reserve(std::uint64_t count);
  /// May be called from several threads at once.
  virtual void add_reserved(const ReservedNoise& part) const;

  /// The same where several processes share one mechanism: all reserve alike, and each draws the parts
  /// that it owns, the same ones in the same order in every step, on one thread.
  virtual std::optional<std::uint64_t> reserve_shared(std::uint64_t count) { return reserve(count); }
  virtual void add_shared(const ReservedNoise& part) { add_reserved(part); }
};

namespace internal {
/// A counter-based stream of standard normals: ChaCha20 (RFC 8439 rounds, 64-bit counter), or AES-128
/// in counter mode where the processor makes it quicker and nobody asks for the same numbers
/// everywhere, gives uniforms; Box-Muller gives two normals for two of them. Normal i depends on
/// key, nonce and i only, not on how calls or threads cut the stream.
struct NormalStream {
  std::array<std::uint32_t, 8> key{};
  std::uint64_t nonce = 0;
  std::uint64_t position = 0;   ///< Index of the next normal; a multiple of kNormalsPerGroup.
  bool same_everywhere = true;  ///< ChaCha20 on every machine.
  NoiseProtection protection = NoiseProtection::kGrid;
};
inline constexpr std::uint64_t kNormalsPerGroup = 512;

template <class T>
void add_normals(NormalStream& stream, std::span<T> values, double std, int threads);
std::uint64_t reserve_normals(NormalStream& stream, std::uint64_t count);
void add_reserved(const NormalStream& stream, const ReservedNoise& part);

/// Radius and angle of Box-Muller from 64 random bits each: what the vector code computes, in the
/// plainest form, for tests.
struct NormalPair {
  double first, second;
};
NormalPair box_muller(std::uint64_t radius_bits, std::uint64_t angle_bits);
}  // namespace internal

/// Noise from a cryptographic generator keyed by the operating system. It cannot be seeded, copied
/// or saved; `begin_step` never rewinds.
///
/// Guarantee: see NoiseProtection and `grid_cost`.
/// Edge cases: an empty span draws nothing.
/// Cost: one pass; `discreet bench --what noise` prints it for each instruction set.
class SecureNoise final : public NoiseSource {
 public:
  /// Throws: kPrivacyRefused if the system gives no entropy.
  explicit SecureNoise(int threads = 1, NoiseProtection protection = NoiseProtection::kGrid);
  ~SecureNoise() override;
  SecureNoise(const SecureNoise&) = delete;
  SecureNoise& operator=(const SecureNoise&) = delete;
  void begin_step(std::uint64_t step) override;
  void add_gaussian(std::span<float> values, double std) override;
  void add_gaussian(std::span<double> values, double std) override;
  bool secure() const override { return true; }
  bool floating_point_safe() const override;
  std::optional<std::uint64_t> reserve(std::uint64_t count) override;
  void add_reserved(const ReservedNoise& part) const override;

 private:
  internal::NormalStream stream_;
  int threads_;
};

/// The same distribution from a seed: only for `--insecure-seed`. The noise of a step is a function
/// of seed, stream name and step alone, so that a resumed run adds the same noise.
class InsecureNoise final : public NoiseSource {
 public:
  explicit InsecureNoise(std::uint64_t seed, const std::string& stream = "", int threads = 1,
                         NoiseProtection protection = NoiseProtection::kGrid);
  void begin_step(std::uint64_t step) override;
  void add_gaussian(std::span<float> values, double std) override;
  void add_gaussian(std::span<double> values, double std) override;
  bool secure() const override { return false; }
  bool floating_point_safe() const override;
  std::optional<std::uint64_t> reserve(std::uint64_t count) override;
  void add_reserved(const ReservedNoise& part) const override;

 private:
  internal::NormalStream stream_;
  int threads_;
};

/// Grid noise is right to `kCellError` in every cell up to so many standard deviations; beyond, the
/// draw is charged to delta. Radii of plain noise end at sqrt(2 * 97 ln 2) = 11.6.
inline constexpr double kTailEnd = 12;
inline constexpr double kPlainTailEnd = 11.59;

/// What a tail that ends at `tail_end` adds to delta at most: draws * P(|z| > tail_end) *
/// (1 + exp(epsilon)); draws = parameters times steps.
double truncation_delta(double draws, double epsilon, double tail_end = kTailEnd);

/// What the run pays for drawing from cells that are only nearly as likely as they should be.
struct GridCost {
  double epsilon;  ///< Added to epsilon at most.
  double delta;    ///< Added to delta at most.
};

/// Let P be the rounded Gaussian on paper, Q what is drawn. Up to kTailEnd each cell has
/// |log Q/P| <= rho(z) with E[rho^2] <= 2^-71 and rho <= 1e-8 (docs/privacy.md derives both), draws
/// beyond are counted as lost. The log-ratios of n draws form a martingale plus a drift below
/// n 2^-71, so by Freedman's inequality their sum stays below tau but for a chance beta = 2^-100 +
/// n P(|z| > kTailEnd), and an (epsilon, delta)-private run is (epsilon + 2 tau,
/// exp(tau) delta + (exp(tau + epsilon) + 1) beta)-private as it is drawn.
///
/// draws = parameters times steps; epsilon and delta are those of the run on paper.
GridCost grid_cost(double draws, double epsilon, double delta);

}  // namespace discreet::privacy
