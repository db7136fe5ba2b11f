#include "discreet/privacy/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "discreet/core/error.h"
#include "tests/support/distribution.h"

namespace discreet::privacy {
namespace {

using test::plausible_count;

/// Counts of a sampler over many steps: what is wrong with them, or empty. False alarms: at most
/// 1e-7 per comparison; the unit with the most extreme count is compared after Bonferroni's
/// correction.
std::string why_not_poisson(Sampler& sampler, std::uint64_t steps) {
  const auto units = sampler.plan().units;
  const double q = sampler.plan().sampling_rate, n = static_cast<double>(steps);
  std::vector<double> included(units, 0);
  double neighbours = 0, total = 0, empty = 0, square = 0;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const auto batch = sampler.sample(step);
    std::uint64_t previous = units;
    for (const std::uint64_t unit : batch) {
      if (unit >= units) return "index out of range";
      if (previous != units && unit <= previous) return "indices do not rise";
      if (previous != units && unit == previous + 1) ++neighbours;
      previous = unit;
      ++included[unit];
    }
    const auto size = static_cast<double>(batch.size());
    total += size;
    square += (size - q * static_cast<double>(units)) * (size - q * static_cast<double>(units));
    if (batch.empty()) ++empty;
  }
  const double u = static_cast<double>(units);
  std::string wrong;
  if (!plausible_count(total, n * u, q)) wrong += "inclusions " + std::to_string(total) + "; ";
  // Neighbouring pairs: 99 overlap in pairs only, so their variance is at most 3 times binomial.
  const double pairs = n * (u - 1) * q * q;
  if (std::abs(neighbours - pairs) > test::kSigmas * std::sqrt(3 * pairs) + 8) {
    wrong += "neighbouring pairs " + std::to_string(neighbours) + "; ";
  }
  if (!plausible_count(empty, n, std::pow(1 - q, u)))
    wrong += "empty " + std::to_string(empty) + "; ";
  const double variance = u * q * (1 - q);
  if (std::abs(square / n / variance - 1) > test::kSigmas * std::sqrt((2 + 1 / variance) / n)) {
    wrong += "variance of the batch size " + std::to_string(square / n) + "; ";
  }
  for (const double count : included) {
    if (std::abs(count - n * q) > 6.5 * std::sqrt(n * q * (1 - q)) + 4) {
      wrong += "a unit was drawn " + std::to_string(count) + " times; ";
      break;
    }
  }
  return wrong;
}

TEST(PoissonDistribution, EveryRate) {
  for (const double q : {0.5, 0.97, 0.1, 0.01, 0.002}) {
    PoissonSampler secure(SamplingPlan::from_rate(100, SamplingRate(q)));
    EXPECT_EQ(why_not_poisson(secure, 60'000), "") << q;
    InsecurePoissonSampler insecure(SamplingPlan::from_rate(100, SamplingRate(q)), 3);
    EXPECT_EQ(why_not_poisson(insecure, 30'000), "") << q;
  }
}

TEST(PoissonDistribution, FirstAndLastUnitAreInIndependently) {
  PoissonSampler sampler(SamplingPlan::from_rate(50, SamplingRate(0.3)));
  double first = 0, last = 0, both = 0, n = 200'000;
  for (int step = 0; step < n; ++step) {
    const auto batch = sampler.sample(0);
    const bool a = !batch.empty() && batch.front() == 0, b = !batch.empty() && batch.back() == 49;
    first += a, last += b, both += a && b;
  }
  EXPECT_TRUE(plausible_count(first, n, 0.3)) << first;
  EXPECT_TRUE(plausible_count(last, n, 0.3)) << last;
  EXPECT_TRUE(plausible_count(both, n, 0.09)) << both;
}

TEST(PoissonDistribution, TinyRatesOverManyUnits) {
  PoissonSampler sampler(SamplingPlan::from_rate(1'000'000'000'000ull, SamplingRate(1e-11)));
  double total = 0;
  for (int step = 0; step < 20'000; ++step) total += static_cast<double>(sampler.sample(0).size());
  // Mean 10 per step; the binomial over 2e16 units is a Poisson.
  EXPECT_NEAR(total, 200'000, test::kSigmas * std::sqrt(200'000.0));
}

TEST(PoissonEdges, RatesZeroAndOneAndEmptyBatches) {
  PoissonSampler none(SamplingPlan::from_rate(10, SamplingRate(0)));
  EXPECT_TRUE(none.sample(0).empty());
  PoissonSampler all(SamplingPlan::from_rate(3, SamplingRate(1)));
  EXPECT_EQ(all.sample(0), (std::vector<std::uint64_t>{0, 1, 2}));
  PoissonSampler rare(SamplingPlan::from_rate(3, SamplingRate(0.05)));
  int empty = 0;
  for (int i = 0; i < 200; ++i) empty += rare.sample(0).empty() ? 1 : 0;
  EXPECT_GT(empty, 50);
  FullBatchSampler full(2);
  EXPECT_EQ(full.sample(5), (std::vector<std::uint64_t>{0, 1}));
  EXPECT_EQ(full.sampling(), Sampling::kFullBatch);
}

TEST(PoissonEdges, ExpectedBatchIsThePublicConstant) {
  const auto plan = SamplingPlan::from_batch_size(1000, 64);
  EXPECT_EQ(plan.expected_batch_size, 64);  // Not floor(1000 / ceil(1000 / 64)) = 62.
  EXPECT_DOUBLE_EQ(plan.sampling_rate, 0.064);
  EXPECT_EQ(SamplingPlan::from_batch_size(1000, 62.5).expected_batch_size, 62.5);
  EXPECT_THROW(SamplingPlan::from_batch_size(10, 11), Error);
  EXPECT_THROW(SamplingPlan::from_batch_size(10, 0), Error);
  EXPECT_THROW(SamplingPlan::from_batch_size(0, 1), Error);
  EXPECT_THROW(SamplingPlan::from_rate(0, SamplingRate(0.1)), Error);
}

TEST(PoissonEdges, SeededBatchesAreAFunctionOfSeedAndStep) {
  const auto plan = SamplingPlan::from_rate(500, SamplingRate(0.1));
  InsecurePoissonSampler a(plan, 1), b(plan, 1), c(plan, 2);
  a.sample(0);
  EXPECT_EQ(a.sample(7), b.sample(7));
  EXPECT_NE(a.sample(7), a.sample(8));
  EXPECT_NE(a.sample(7), c.sample(7));
  PoissonSampler secure(plan);
  EXPECT_NE(secure.sample(7), secure.sample(7));
}

// ---- planted faults --------------------------------------------------------------------------

class FixedSizeSampler : public Sampler {
 public:
  using Sampler::Sampler;
  std::vector<std::uint64_t> sample(std::uint64_t step) override {
    core::ReproducibleRng rng(step);
    std::set<std::uint64_t> chosen;
    while (chosen.size() < 10) chosen.insert(rng.below(plan().units));
    return {chosen.begin(), chosen.end()};
  }
  Sampling sampling() const override { return Sampling::kShuffled; }
  bool secure() const override { return false; }
};

class RunSampler : public FixedSizeSampler {
 public:
  using FixedSizeSampler::FixedSizeSampler;
  std::vector<std::uint64_t> sample(std::uint64_t step) override {
    core::ReproducibleRng rng(step);
    std::vector<std::uint64_t> run;
    if (rng.uniform() < 0.5) return run;
    const std::uint64_t start = rng.below(81);
    for (std::uint64_t i = 0; i < 20; ++i) run.push_back(start + i);
    return run;
  }
};

class SkipsEmptyBatches : public FixedSizeSampler {
 public:
  explicit SkipsEmptyBatches(SamplingPlan plan) : FixedSizeSampler(plan), inner_(plan, 1) {}
  std::vector<std::uint64_t> sample(std::uint64_t) override {
    for (;;) {
      auto batch = inner_.sample(step_++);
      if (!batch.empty()) return batch;
    }
  }

 private:
  InsecurePoissonSampler inner_;
  std::uint64_t step_ = 0;
};

/// The batches that several processes draw together; `same_key` plants what would go wrong if all of
/// them drew by the numbers of one.
class AllShards final : public Sampler {
 public:
  AllShards(SamplingPlan plan, std::uint64_t count, bool same_key = false) : Sampler(plan), count_(count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      // One sampler over the first shard stands for processes with equal keys.
      if (same_key && i > 0) break;
      parts_.push_back(std::make_unique<PoissonSampler>(plan, Shard{i, count}));
    }
  }
  std::vector<std::uint64_t> sample(std::uint64_t step) override {
    std::set<std::uint64_t> all;
    for (const auto& part : parts_) {
      for (const std::uint64_t unit : part->sample(step)) {
        all.insert(unit);
        for (std::uint64_t i = 1; parts_.size() == 1 && i < count_; ++i) {
          if (unit + i < plan().units) all.insert(unit + i);
        }
      }
    }
    return {all.begin(), all.end()};
  }
  Sampling sampling() const override { return Sampling::kPoisson; }
  bool secure() const override { return true; }

 private:
  std::uint64_t count_;
  std::vector<std::unique_ptr<Sampler>> parts_;
};

TEST(PoissonShards, TogetherTheyAreAPoissonSampleOfAllUnits) {
  const SamplingPlan plan = SamplingPlan::from_batch_size(100, 7);
  for (const std::uint64_t count : {2, 3, 7}) {
    AllShards all(plan, count);
    EXPECT_EQ(why_not_poisson(all, 20000), "") << count;
  }
  AllShards planted(plan, 2, true);
  EXPECT_NE(why_not_poisson(planted, 20000), "") << "processes that draw alike must be noticed";
}

TEST(PoissonShards, AreDisjointAndMayBeEmpty) {
  const SamplingPlan plan = SamplingPlan::from_batch_size(5, 2.5);
  for (std::uint64_t index = 0; index < 8; ++index) {
    PoissonSampler sampler(plan, {index, 8});
    EXPECT_EQ(sampler.plan().sampling_rate, 0.5);
    EXPECT_EQ(sampler.expected_batch_size(), 2.5) << "the divisor is that of all units";
    for (std::uint64_t step = 0; step < 200; ++step) {
      for (const std::uint64_t unit : sampler.sample(step)) EXPECT_EQ(unit, index);
    }
    FullBatchSampler full(5, {index, 8});
    EXPECT_EQ(full.sample(0).size(), index < 5 ? 1U : 0U);
  }
}

TEST(PoissonShards, SeededShardsCutTheBatchOfOneProcess) {
  const SamplingPlan plan = SamplingPlan::from_batch_size(300, 40);
  InsecurePoissonSampler whole(plan, 9), first(plan, 9, {0, 3}), second(plan, 9, {1, 3}), third(plan, 9, {2, 3});
  for (std::uint64_t step = 0; step < 20; ++step) {
    std::vector<std::uint64_t> joined = first.sample(step);
    for (Sampler* other : {&second, &third}) {
      const auto more = other->sample(step);
      joined.insert(joined.end(), more.begin(), more.end());
    }
    std::ranges::sort(joined);
    EXPECT_EQ(joined, whole.sample(step));
  }
}

TEST(PoissonPlanted, FixedSizesRunsAndSkippedEmptyBatchesAreCaught) {
  FixedSizeSampler fixed(SamplingPlan::from_rate(100, SamplingRate(0.1)));
  EXPECT_NE(why_not_poisson(fixed, 20'000), "");
  RunSampler runs(SamplingPlan::from_rate(100, SamplingRate(0.1)));
  EXPECT_NE(why_not_poisson(runs, 20'000), "");
  SkipsEmptyBatches skips(SamplingPlan::from_rate(100, SamplingRate(0.01)));
  EXPECT_NE(why_not_poisson(skips, 20'000), "");
}

}  // namespace
}  // namespace discreet::privacy
