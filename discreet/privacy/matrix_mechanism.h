#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace discreet::privacy {

/// In how many steps one unit may take part.
struct Participation {
  std::int64_t most = 1;        ///< Steps that one unit takes part in, at most.
  std::int64_t separation = 1;  ///< Steps from one of them to the next, at least.
};

/// A matrix mechanism over a stream of vectors x_1 … x_T, one for each step: it releases C X + Z
/// with a strategy C and Gaussian Z, which is the same as to release each x_t with the noise (C^+
/// Z)_t. Noise of neighbouring steps cancels in their sum, so that sums over many steps, which is
/// what parameters are, get less noise than by fresh noise in each step. The x_t may depend on what
/// was released before.
///
/// Ref: Denisov, McMahan, Rush, Smith and Thakurta 2022 (adaptive streams); Choquette-Choo et al.
/// 2023 (several participations).
class NoiseStrategy {
 public:
  virtual ~NoiseStrategy() = default;
  virtual std::string name() const = 0;
  virtual std::int64_t steps() const = 0;

  /// L2 norm of the change of C X when the contributions of one unit, of norm at most 1 in each
  /// step that it takes part in, come or go: an upper bound over all patterns of `participation`.
  /// Throws: kPrivacyRefused if no bound is known for the pattern.
  virtual double sensitivity(const Participation& participation) const = 0;

  /// Variance of the noise of step `step` (from 0) and of the sum of the noise of steps 0 … step,
  /// for Z of variance 1.
  virtual double step_variance(std::int64_t step) const = 0;
  virtual std::vector<double> prefix_variances() const = 0;

  /// The strategy as a dense matrix, row after row, `steps` columns: for tests and small T.
  virtual std::vector<double> matrix() const = 0;

  /// Independent normals that a step uses for each coordinate, at most.
  virtual std::int64_t draws() const = 0;
  /// Vectors of the past that the next step needs, each as long as x.
  virtual std::int64_t memory() const = 0;
  /// Adds noise to some values and rounds as it likes: row i of what C X gains in this step,
  /// released.
  using Release = std::function<void(std::int64_t i, std::span<float> values)>;
  /// `values`: in, x of step `step`; out, x with the step's noise. The rows of C X that the step
  /// completes go through `release`, and nothing else of x comes out: what follows is computed from
  /// released numbers alone, so that a release whose bits are safe makes everything safe. `past`
  /// [memory, stride] holds what is kept from step to step, from the coordinate on that `values`
  /// begins with. Steps come in order, from 0.
  virtual void next(std::int64_t step, std::span<float> values, float* past, std::size_t stride,
                    const Release& release) const = 0;
};

/// Root of the mean over all steps t of the variance of the noise in the sum of steps 0 … t, where
/// Z has the size of the sensitivity: what the noise does to parameters at equal privacy.
double prefix_rmse(const NoiseStrategy& strategy, const Participation& participation);

/// A lower-triangular banded Toeplitz strategy whose columns are scaled to norm 1: column t holds
/// coefficients[0 …] from row t down. Fewer rows than coefficients are left for the last columns,
/// which are scaled by what they have.
///
/// Guarantee: columns at distance >= bands have no row in common, so `most` participations at that
/// distance have sensitivity sqrt(most); closer ones are refused, since that bound does not hold
/// for them. Cost: a step reads bands - 1 past vectors of x and as many of what was released. Ref:
/// Choquette-Choo et al. 2023, (Amplified) Banded Matrix Factorization; McKenna 2024 (Toeplitz).
class BandedStrategy final : public NoiseStrategy {
 public:
  /// Throws: kUsage unless steps >= 1 and the first coefficient is above 0.
  BandedStrategy(std::int64_t steps, std::vector<double> coefficients);

  std::string name() const override { return "banded"; }
  std::int64_t steps() const override { return steps_; }
  std::int64_t bands() const { return static_cast<std::int64_t>(coefficients_.size()); }
  const std::vector<double>& coefficients() const { return coefficients_; }
  double sensitivity(const Participation& participation) const override;
  double step_variance(std::int64_t step) const override;
  std::vector<double> prefix_variances() const override;
  std::vector<double> matrix() const override;
  std::int64_t draws() const override { return 1; }
  std::int64_t memory() const override { return 2 * (bands() - 1); }
  void next(std::int64_t step, std::span<float> values, float* past, std::size_t stride,
            const Release& release) const override;

 private:
  double column_norm(std::int64_t step) const;

  std::int64_t steps_;
  std::vector<double> coefficients_;  // of a full column, norm 1
  std::vector<double> norms_;         // norm of the first i + 1 coefficients
  std::vector<double> squares_;       // [steps] sums of squares of the inverse's coefficients
};

/// The coefficients of `bands` bands with the least mean squared error of prefix sums over `steps`
/// steps; with `momentum`, of what gradient descent with momentum makes of the steps. By BFGS from
/// the square-root factorisation, on at most the first 20,000 steps: the choice moves the error,
/// never the guarantee.
std::vector<double> optimal_bands(std::int64_t steps, std::int64_t bands, double momentum = 0);

/// Coefficients of (1 - x)^(-1/2), cut off after `bands`: 1, 1/2, 3/8 …
/// Ref: Fichtenberger, Henzinger and Upadhyay 2023.
std::vector<double> square_root_bands(std::int64_t bands);

/// Binary trees over the steps: each node's sum gets noise once, and a prefix is the sum of at most
/// log2(T) + 1 nodes.
///
/// `honaker`: a node's noise is averaged with that of its children, each weighted by the inverse of
/// its variance: the same privacy, less noise. `restart` > 0: a new tree after so many steps.
/// Sensitivity: sqrt(most * sum over levels h of min(most, ceil(2^h / separation))): a node of
/// level h spans 2^h steps. One participation: sqrt(ceil(log2(T + 1))). Ref: Dwork et al. 2010;
/// Chan, Shi and Song 2011; Honaker 2015; Kairouz et al. 2021 (DP-FTRL).
class TreeStrategy final : public NoiseStrategy {
 public:
  TreeStrategy(std::int64_t steps, bool honaker, std::int64_t restart = 0);

  std::string name() const override { return honaker_ ? "tree with Honaker's estimate" : "tree"; }
  std::int64_t steps() const override { return steps_; }
  std::int64_t restart() const { return restart_; }
  std::int64_t levels() const { return levels_; }
  double sensitivity(const Participation& participation) const override;
  double step_variance(std::int64_t step) const override;
  std::vector<double> prefix_variances() const override;
  std::vector<double> matrix() const override;
  std::int64_t draws() const override { return honaker_ ? levels_ : 1; }
  std::int64_t memory() const override { return 2 * levels_; }
  void next(std::int64_t step, std::span<float> values, float* past, std::size_t stride,
            const Release& release) const override;

 private:
  std::int64_t place(std::int64_t step) const { return step % span_; }  // in its tree
  double node_variance(std::int64_t level) const {
    return variances_[static_cast<std::size_t>(level)];
  }

  std::int64_t steps_;
  bool honaker_;
  std::int64_t restart_;
  std::int64_t span_;    // steps of one tree
  std::int64_t levels_;  // of one tree
  std::vector<double> variances_;
};

}  // namespace discreet::privacy
