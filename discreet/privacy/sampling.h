#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/privacy/types.h"

namespace discreet::privacy {

/// How batches are drawn: public constants, fixed at configuration.
struct SamplingPlan {
  std::uint64_t units = 0;   ///< Examples or users in the data.
  double sampling_rate = 0;  ///< Probability that one unit enters a batch.
  /// Divisor of every noisy sum. Never the realised batch size, never recomputed from data.
  double expected_batch_size = 0;

  /// Rate = expected_batch_size / units. Throws: kUsage if units is 0 or the batch exceeds it.
  static SamplingPlan from_batch_size(std::uint64_t units, double expected_batch_size);
  static SamplingPlan from_rate(std::uint64_t units, SamplingRate sampling_rate);
};

/// Which units one of several processes draws: every `count`-th, from `index` on. The shards of all
/// processes are disjoint and hold all units, and each is sampled with the plan's rate; so the batch of
/// all processes together is a Poisson sample of all units, whatever their number.
struct Shard {
  std::uint64_t index = 0, count = 1;
};

/// Draws the units of each logical step. Rate and divisor are those of all units, also for a shard.
class Sampler {
 public:
  explicit Sampler(SamplingPlan plan, Shard shard = {}) : plan_(plan), shard_(shard) {}
  virtual ~Sampler() = default;
  /// Indices 0..units-1 of the shard's part of the batch, ascending; may be empty, and an empty batch is
  /// a full step.
  virtual std::vector<std::uint64_t> sample(std::uint64_t step) = 0;
  virtual Sampling sampling() const = 0;
  /// False: anybody who knows the seed knows the batches, so no guarantee holds against them.
  virtual bool secure() const = 0;
  /// Of the first `steps` steps, how many one unit may have entered: what is counted. All of them,
  /// where a unit may enter any step.
  virtual std::int64_t participations(std::int64_t steps) const { return steps; }
  /// Which data sets are neighbours where a unit comes or goes: an order that depends on the number of
  /// units needs that number to stay.
  virtual Relation relation() const { return Relation::kAddOrRemoveOne; }
  const SamplingPlan& plan() const { return plan_; }
  Shard shard() const { return shard_; }
  double expected_batch_size() const { return plan_.expected_batch_size; }

 private:
  SamplingPlan plan_;
  Shard shard_;
};

/// Each unit independently with the plan's rate, from a cryptographic generator. A step asked for
/// twice is drawn anew.
/// Guarantee: inclusion probabilities are exact to a relative 2^-50 (the skips between chosen units
/// come from exponentials with full precision at both ends).
/// Cost: O(expected batch size) per step.
class PoissonSampler final : public Sampler {
 public:
  explicit PoissonSampler(SamplingPlan plan, Shard shard = {}) : Sampler(plan, shard) {}
  std::vector<std::uint64_t> sample(std::uint64_t step) override;
  Sampling sampling() const override { return Sampling::kPoisson; }
  bool secure() const override { return true; }

 private:
  core::SecureRng rng_;
};

/// The same distribution from a seed: only for `--insecure-seed`; a function of seed and step
/// alone, so that a resumed run draws the same batches, and several processes those of one.
class InsecurePoissonSampler final : public Sampler {
 public:
  InsecurePoissonSampler(SamplingPlan plan, std::uint64_t seed, Shard shard = {})
      : Sampler(plan, shard), seed_(seed) {}
  std::vector<std::uint64_t> sample(std::uint64_t step) override;
  Sampling sampling() const override { return Sampling::kPoisson; }
  bool secure() const override { return false; }

 private:
  std::uint64_t seed_;
};

/// One batch of plan.units units by plan.sampling_rate: what the Poisson samplers draw.
std::vector<std::uint64_t> draw_poisson_batch(const SamplingPlan& plan, core::SecureRng& rng);
std::vector<std::uint64_t> draw_poisson_batch(const SamplingPlan& plan, core::ReproducibleRng& rng);

/// Every unit in every step; rate 1.
class FullBatchSampler final : public Sampler {
 public:
  explicit FullBatchSampler(std::uint64_t units, Shard shard = {});
  std::vector<std::uint64_t> sample(std::uint64_t step) override;
  Sampling sampling() const override { return Sampling::kFullBatch; }
  bool secure() const override { return true; }
};

}  // namespace discreet::privacy
