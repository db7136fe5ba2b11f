#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "discreet/dp/plan.h"
#include "discreet/privacy/correlated_noise.h"
#include "discreet/privacy/participation.h"

namespace discreet::dp {

/// DP-FTRL: the plan whose noise is correlated over the steps, by a tree or a banded matrix, so
/// that it cancels in the sum of updates. Nothing is assumed about sampling unless cyclic Poisson
/// is asked for: units come in a fixed public order, once in a pass.
///
/// The noise multiplier counts one participation: the size of Z over the clip norm and the
/// strategy's norm of one column. A run of k passes costs k Gaussian events of it, each charged to
/// the ledger before the first step of its pass; with cyclic Poisson sampling, ceil(steps / groups)
/// sampled ones.
///
/// Guarantee: that of PrivatePlan, under zero-out: the number of units is public. Batches that
/// break the participation pattern are refused before anything of them is released. Resume: the
/// state of secure noise is the noise already added, and is never written down. `go_on` starts the
/// mechanism anew for the steps that are left, with fresh noise; units keep their places in the
/// order, and steps that were charged and lost are left out, so that no unit takes part more often
/// than planned. The parts cost together no more than the whole: columns of one unit's
/// participations are orthogonal (banded), or counts in nodes add up (tree). The price is accuracy:
/// noise on both sides of a resume does not cancel. Several processes: each draws the units of its shard
/// from the same order, and the owner of a part of the parameters keeps the noise of that part; such runs
/// save no state of the noise, insecure ones included. Ref: Kairouz et al. 2021 (DP-FTRL);
/// Choquette-Choo et al. 2023 (banded, cyclic Poisson).
class FtrlPlan final : public PrivatePlan {
 public:
  /// Throws: kUsage for options that have no meaning here (slots, moving clip norms, noise
  /// schedules); kPrivacyRefused for more bands than steps in a pass. `sampler`: in place of the
  /// plan's own, for tests.
  explicit FtrlPlan(PrivacyOptions options, std::unique_ptr<privacy::Sampler> sampler = nullptr);

  const privacy::NoiseStrategy& strategy() const { return noise().strategy(); }
  const privacy::Participation& participation() const { return participation_; }
  /// Root mean squared noise of a sum of updates over all steps, in clip norms, and what
  /// independent noise of the same cost would give.
  double prefix_noise() const;
  double independent_prefix_noise() const;

  privacy::Event step_event(std::int64_t step) const override;
  /// One matrix mechanism over the participations so far, or its cyclic Poisson form.
  privacy::Event event(std::int64_t steps) const override;
  privacy::PrivacyRun describe(std::int64_t steps, std::uint64_t parameters) const override;
  std::vector<std::uint64_t> begin_step(std::uint64_t step) override;
  void go_on(std::int64_t step, std::int64_t lost) override;
  void save(const std::filesystem::path& folder) const override;
  void load(const std::filesystem::path& folder) override;

 private:
  struct Parts;
  FtrlPlan(PrivacyOptions options, Parts parts);
  static Parts parts_of(PrivacyOptions& options, std::unique_ptr<privacy::Sampler> planted);
  privacy::CorrelatedNoise& noise() const { return *correlated_; }

  privacy::Participation participation_;
  privacy::CorrelatedNoise* correlated_;  // the base's noise
  privacy::ParticipationGuard guard_;
  std::int64_t lost_ = 0;
};

}  // namespace discreet::dp
