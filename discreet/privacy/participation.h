#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "discreet/privacy/matrix_mechanism.h"
#include "discreet/privacy/sampling.h"

namespace discreet::privacy {

/// Batches in a fixed public order: a permutation of the units, drawn from a public seed, is cut
/// into ceil(units / batch) batches, which come again in the same order in every pass. A unit so
/// takes part once in a pass, and passes lie a whole pass apart. Nothing is random, and no
/// amplification by sampling may be claimed.
///
/// The place of a unit depends on the number of units, so neighbours have the same size: the
/// relation is zero-out.
class FixedOrderSampler final : public Sampler {
 public:
  FixedOrderSampler(std::uint64_t units, std::int64_t batch_size, std::uint64_t seed, Shard shard = {});
  std::vector<std::uint64_t> sample(std::uint64_t step) override;
  Sampling sampling() const override { return Sampling::kFixedOrder; }
  bool secure() const override { return true; }
  Relation relation() const override { return Relation::kZeroOut; }
  std::int64_t participations(std::int64_t steps) const override {
    return (steps + steps_per_pass_ - 1) / steps_per_pass_;
  }
  std::int64_t steps_per_pass() const { return steps_per_pass_; }
  /// Of a run of `steps` steps.
  Participation participation(std::int64_t steps) const;

 private:
  std::vector<std::uint64_t> order_;
  std::int64_t batch_size_;
  std::int64_t steps_per_pass_;
};

/// Cyclic Poisson sampling: a permutation from a public seed deals the units into `groups` groups,
/// step t draws each unit of group t mod groups independently. A unit so takes part at most once in
/// `groups` steps, with probability q = groups * batch / units in each of them.
///
/// Guarantee: with a banded strategy of at most `groups` bands the run costs what ceil(steps /
/// groups) steps of Poisson sampling with rate q cost. Relation: zero-out, as the groups depend on
/// the number of units. Ref: Choquette-Choo et al. 2023, (Amplified) Banded Matrix Factorization,
/// theorem 4.
class CyclicPoissonSampler final : public Sampler {
 public:
  /// With `insecure_seed` the draws repeat. Throws: kUsage if a group has fewer units than a batch.
  CyclicPoissonSampler(std::uint64_t units, double expected_batch_size, std::int64_t groups,
                       std::uint64_t seed, const std::uint64_t* insecure_seed = nullptr, Shard shard = {});
  std::vector<std::uint64_t> sample(std::uint64_t step) override;
  Sampling sampling() const override { return Sampling::kCyclicPoisson; }
  bool secure() const override { return secure_; }
  Relation relation() const override { return Relation::kZeroOut; }
  std::int64_t participations(std::int64_t steps) const override {
    return (steps + groups_ - 1) / groups_;
  }
  std::int64_t groups() const { return groups_; }
  Participation participation(std::int64_t steps) const;

 private:
  std::int64_t groups_;
  std::vector<std::vector<std::uint64_t>> members_;  // of each group, as far as this shard draws from it
  bool secure_;
  std::uint64_t insecure_seed_ = 0;
  core::SecureRng rng_;
};

/// Watches over what a sensitivity bound rests on: that no unit takes part more often, or sooner
/// again, than `participation` allows.
class ParticipationGuard {
 public:
  ParticipationGuard(std::uint64_t units, const Participation& participation);
  /// Counts a batch. Throws: kPrivacyRefused naming the step and what was broken; nothing is
  /// counted then.
  void take(std::uint64_t step, std::span<const std::uint64_t> batch);

 private:
  Participation participation_;
  std::vector<std::int64_t> last_;  // step of the last participation, -1: none
  std::vector<std::int64_t> count_;
};

}  // namespace discreet::privacy
