#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "discreet/dp/clipper.h"
#include "discreet/nn/optimizer.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/noise.h"
#include "discreet/privacy/sampling.h"
#include "discreet/privacy/statement.h"
#include "discreet/privacy/types.h"

namespace discreet::dp {

/// What a private run asks for. Either a noise multiplier or a target epsilon.
struct PrivacyOptions {
  std::uint64_t units = 0;         ///< Examples or users in the data, by `unit`.
  double expected_batch_size = 0;  ///< Units expected in a batch; fixes sampling rate and divisor.
  std::int64_t steps = 0;          ///< Logical steps that the run may take.
  double clip_norm = 1;
  std::optional<double> noise_multiplier;
  std::optional<double> epsilon;   ///< Target: the noise is calibrated so as never to exceed it.
  double delta = 1e-5;
  privacy::Unit unit = privacy::Unit::kExample;
  std::string accountant = "rdp";
  std::optional<std::uint64_t> insecure_seed;  ///< Repeatable, and so without a guarantee.
  int threads = 1;                             ///< For noise; does not change its values.
};

/// Sampler, clip bound, noise and accountant of one mechanism, built together, so that none of their
/// numbers is stated twice: the clipper bounds each unit by the plan's clip norm, the noise takes its
/// size from the sensitivity that the clipped sum carries, the event is made from the noise multiplier
/// and the sampler's rate, and the divisor is the sampler's public constant.
///
/// Guarantee: `steps()` noisy updates of the parameters are (epsilon(steps()), delta)-private for the
/// plan's unit under add-or-remove-one, if each unit entered each batch by the plan's sampler.
/// Ref: Abadi et al. 2016; Mironov, Talwar and Zhang 2019.
class PrivatePlan {
 public:
  /// Throws: kUsage for an option out of bounds, or both or neither of noise_multiplier and epsilon;
  /// kPrivacyRefused if no noise reaches the target.
  explicit PrivatePlan(PrivacyOptions options);
  /// The same plan with other objects in the places of its own; what a test plants a defect with.
  /// Null leaves the plan's own.
  PrivatePlan(PrivacyOptions options, std::unique_ptr<privacy::Sampler> sampler,
              std::unique_ptr<privacy::NoiseSource> noise);

  const PrivacyOptions& options() const { return options_; }
  privacy::Sampler& sampler() { return *sampler_; }
  double noise_multiplier() const { return noise_multiplier_; }
  std::int64_t steps() const { return options_.steps; }
  privacy::Relation relation() const { return privacy::Relation::kAddOrRemoveOne; }

  /// A clipper with the plan's bound over these parameters.
  virtual std::unique_ptr<SegmentClipper> make_clipper(nn::NamedTensors parameters,
                                               RuleOptions options = {}) const;

  /// What one logical step costs, and what `steps` of them cost.
  privacy::Event step_event() const;
  privacy::Event event(std::int64_t steps) const;
  /// Upper bound on epsilon after `steps` steps; infinity without noise. With an insecure seed it holds
  /// only against those who do not know the seed, which `describe` says.
  double epsilon(std::int64_t steps) const;
  /// Everything a statement of privacy rests on, for `steps` steps over `parameters` numbers.
  privacy::PrivacyRun describe(std::int64_t steps, std::uint64_t parameters) const;

  /// Draws the units of a logical step, and starts its noise.
  std::vector<std::uint64_t> begin_step(std::uint64_t step);

  /// Noises the sum and moves the parameters: update(sum + noise) / expected_batch_size. Noise covers
  /// every coordinate of every parameter, also where the sum is zero. May be called once per step.
  /// Throws: kInternal if called again without `begin_step`.
  void update(ClippedSum& sum, nn::Optimizer& optimizer, double learning_rate);

  /// The noisy sum itself, divided: what `update` feeds the optimiser. For federated rounds and audits.
  std::vector<at::Tensor> release(ClippedSum& sum);

 protected:
  /// Divisor of the noisy sum; virtual so that tests can plant a wrong one.
  virtual double divisor() const { return sampler_->expected_batch_size(); }

 public:
  virtual ~PrivatePlan() = default;

 private:
  void spend_step();

  PrivacyOptions options_;
  double noise_multiplier_ = 0;
  std::unique_ptr<privacy::Sampler> sampler_;
  std::unique_ptr<privacy::NoiseSource> noise_;
  bool step_open_ = false;
};

}  // namespace discreet::dp
