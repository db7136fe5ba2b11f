#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "discreet/dp/clipper.h"
#include "discreet/nn/optimizer.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/ftrl.h"
#include "discreet/privacy/noise.h"
#include "discreet/privacy/noise_placement.h"
#include "discreet/privacy/noise_schedule.h"
#include "discreet/privacy/sampling.h"
#include "discreet/privacy/slots.h"
#include "discreet/privacy/statement.h"
#include "discreet/privacy/types.h"

namespace discreet::nn {
class DataParallel;
}  // namespace discreet::nn

namespace discreet::dp {

using privacy::NoisePlacement;

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
  privacy::NoiseProtection noise_protection = privacy::NoiseProtection::kGrid;
  int threads = 1;  ///< For noise of `release`; does not change its values.

  std::string mechanism = "dp-sgd";  ///< dp/mechanism.h
  ClippingOptions clipping{};        ///< clip_norm above holds, not the one in here.
  std::vector<ClipLayer> layers{};   ///< For rules that clip layers apart; see dp/layers.h.
  NoisePlacement placement = NoisePlacement::kGlobal;
  privacy::NoiseSchedule schedule{};  ///< From epoch to epoch of the first multiplier.
  privacy::FtrlOptions ftrl{};        ///< DP-FTRL.
  std::int64_t slots = 0;             ///< eDP-SGD: segments are slots; 0: segments are units.
  privacy::Shard shard{};             ///< Of several processes: the units that this one draws.
};

/// Sampler, clip bound, noise and accountant of one mechanism, built together, so that none of their
/// numbers is stated twice: the clipper bounds each unit by the plan's rule, the noise takes its
/// size from the bounds and the sensitivity that the clipped sum carries, the event is made from the
/// ratio of the two and the sampler's rate, and the divisor is a public constant.
///
/// Multipliers: sigma is what the options ask for, standard deviations over clip norms; an epoch's sigma
/// follows the schedule. The *effective* multiplier is what the accountant counts: one Gaussian that
/// protects as much as the noise of all layers and of the counts of adaptive rules together,
/// z = [sum_l (k C_l / nu_l)^2]^(-1/2) with k the unit sensitivity (2 for slots). Counts take their share
/// of z, the gradients' noise grows for it: z_g = (z^-2 - z_c^-2)^(-1/2).
///
/// Guarantee: `steps()` noisy updates of the parameters are (epsilon(steps()), delta)-private for the
/// plan's unit under add-or-remove-one, if each unit entered each batch by the plan's sampler.
/// Ref: Abadi et al. 2016; Mironov, Talwar and Zhang 2019; Andrew et al. 2021 for the counts.
class PrivatePlan {
 public:
  /// Throws: kUsage for an option out of bounds, or both or neither of noise_multiplier and epsilon;
  /// kPrivacyRefused if no noise reaches the target, or counts would take more than there is.
  explicit PrivatePlan(PrivacyOptions options);
  /// The same plan with other objects in the places of its own; what a test plants a defect with.
  /// Null leaves the plan's own.
  PrivatePlan(PrivacyOptions options, std::unique_ptr<privacy::Sampler> sampler,
              std::unique_ptr<privacy::NoiseSource> noise);
  virtual ~PrivatePlan() = default;

  const PrivacyOptions& options() const { return options_; }
  privacy::Sampler& sampler() { return *sampler_; }
  const privacy::Sampler& sampler() const { return *sampler_; }
  /// Sigma of the first epoch, as asked for or calibrated.
  double noise_multiplier() const { return noise_multiplier_; }
  /// Sigma of a step (from 0), and what it counts as.
  double noise_multiplier_at(std::int64_t step) const;
  double effective_multiplier_at(std::int64_t step) const;
  std::int64_t steps() const { return options_.steps; }
  /// ceil(units / expected batch): what the schedule calls an epoch.
  std::int64_t steps_per_epoch() const;
  privacy::Relation relation() const { return sampler_->relation(); }
  SegmentHolds holds() const;
  /// Standard deviation on each count of an adaptive rule; 0 for others.
  double count_noise() const { return count_noise_; }

  /// The rule of a clipper; virtual so that tests can plant a defect and see the audit find it.
  virtual std::unique_ptr<ClippingRule> make_rule() const;
  /// A clipper with the plan's rule over these parameters.
  std::unique_ptr<SegmentClipper> make_clipper(nn::NamedTensors parameters,
                                               RuleOptions options = {}) const;

  /// What logical step `step` costs, with the parts that make it up.
  virtual privacy::Event step_event(std::int64_t step) const;
  /// What the first `steps` steps cost together.
  virtual privacy::Event event(std::int64_t steps) const;
  /// Upper bound on epsilon after `steps` steps; infinity without noise. With an insecure seed it holds
  /// only against those who do not know the seed, which `describe` says.
  double epsilon(std::int64_t steps) const;
  /// eDP-SGD: what the published method would state, which takes the sensitivity to be C and the noise
  /// of all layers for one Gaussian. Not a guarantee. Absent for other mechanisms.
  std::optional<double> epsilon_as_published(std::int64_t steps) const;
  /// Everything a statement of privacy rests on, for `steps` steps over `parameters` numbers.
  virtual privacy::PrivacyRun describe(std::int64_t steps, std::uint64_t parameters) const;

  /// What a checkpoint holds beside parameters and moments: nothing of secure noise. See FtrlPlan.
  virtual void save(const std::filesystem::path& folder) const {}
  virtual void load(const std::filesystem::path& folder) {}
  /// See nn::Step::go_on.
  virtual void go_on(std::int64_t step, std::int64_t lost) {}

  /// Draws the units of a logical step, and starts its noise.
  virtual std::vector<std::uint64_t> begin_step(std::uint64_t step);
  /// The slot of a drawn unit. Throws: kInternal for a plan without slots.
  std::int64_t slot_of(std::uint64_t step, std::uint64_t unit) const;

  /// Noises the sum and moves the parameters: update(sum + noise) / divisor. Noise covers every
  /// coordinate of every parameter, also where the sum is zero. May be called once per step.
  /// Works block by block in the first cache, on at::get_num_threads() threads, whose number changes
  /// no value; the noisy gradient is never written to memory, nor is the dense one of a table of
  /// which only rows were touched.
  /// Throws: kInternal if called again without `begin_step`.
  virtual void update(ClippedSum& sum, nn::Optimizer& optimizer, double learning_rate);

  /// The noisy sum itself, divided: what `update` feeds the optimiser. For federated rounds and audits.
  virtual std::vector<at::Tensor> release(ClippedSum& sum);

  /// Several processes, each with the units of its shard. In a step: `begin_step`, `take` the sum,
  /// `reduce` it to the owners of its parts, write the ledger, `add_up`, `update`. Each coordinate's noise
  /// is drawn once, by its owner, on the whole sum: the mechanism is that of one process.
  void reduce(ClippedSum& sum, nn::DataParallel& parallel) const;
  /// What the sum says of its segments, and `more`, over all processes. No process returns before rank 0
  /// has come here, the ledger written.
  void add_up(ClippedSum& sum, std::span<double> more) const;

 protected:
  /// Divisor of the noisy sum: expected batch size, or slots; virtual so that tests can plant a wrong one.
  virtual double divisor() const;
  /// Standard deviation of the noise in each layer of a sum, for this step.
  /// Virtual so that tests can plant a wrong one.
  virtual std::vector<double> deviations(const ClippedSum& sum) const;
  void put_noise(std::unique_ptr<privacy::NoiseSource> noise) { noise_ = std::move(noise); }

 private:
  std::vector<double> noise_variances(const ClippedSum& sum) const;
  void check_options() const;
  void check_schedule() const;
  void calibrate();
  std::string details() const;
  void choose_count_noise();
  void spend_step(ClippedSum& sum);
  void add_noise_to_pieces(ClippedSum& sum);
  void update_in_processes(ClippedSum& sum, nn::Optimizer& optimizer, double learning_rate);
  bool counting_at(std::int64_t step) const;
  double effective(double sigma) const;
  double gradient_multiplier(double effective) const;
  std::vector<privacy::Phase> phases(double first, std::int64_t steps) const;
  std::vector<privacy::Phase> published_phases(std::int64_t steps) const;
  privacy::Event step_event_of(double effective, bool counting) const;
  /// The update of one parameter by a source of noise that has no places to reserve.
  void update_in_sequence(std::size_t parameter, double deviation, ClippedSum& sum,
                          nn::Optimizer& optimizer);

  PrivacyOptions options_;
  double noise_multiplier_ = 0;
  double count_noise_ = 0;
  std::unique_ptr<ClippingRule> rule_;  // bounds at the start, for accounting alone
  std::unique_ptr<privacy::Sampler> sampler_;
  std::unique_ptr<privacy::NoiseSource> noise_;
  std::unique_ptr<privacy::SlotAssignment> slots_;
  std::int64_t step_ = 0;
  bool step_open_ = false;
};

}  // namespace discreet::dp
