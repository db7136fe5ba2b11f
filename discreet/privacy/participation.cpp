#include "discreet/privacy/participation.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

std::vector<std::uint64_t> public_order(std::uint64_t units, std::uint64_t seed) {
  std::vector<std::uint64_t> order(units);
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  core::ReproducibleRng rng(seed, "public-order");
  core::shuffle(std::span(order), rng);
  return order;
}

/// Batch size and number of units checked; the rate is that of one participation.
SamplingPlan checked_plan(std::uint64_t units, double expected_batch_size, double groups) {
  SamplingPlan plan = SamplingPlan::from_batch_size(units, expected_batch_size);
  plan.sampling_rate = std::min(1.0, plan.sampling_rate * groups);
  return plan;
}

}  // namespace

FixedOrderSampler::FixedOrderSampler(std::uint64_t units, std::int64_t batch_size,
                                     std::uint64_t seed, Shard shard)
    : Sampler(checked_plan(units, static_cast<double>(batch_size), static_cast<double>(units)), shard),
      order_(public_order(units, seed)),
      batch_size_(batch_size),
      steps_per_pass_((static_cast<std::int64_t>(units) + batch_size - 1) / batch_size) {}

std::vector<std::uint64_t> FixedOrderSampler::sample(std::uint64_t step) {
  const std::int64_t place = static_cast<std::int64_t>(step) % steps_per_pass_ * batch_size_;
  const std::int64_t end =
      std::min<std::int64_t>(place + batch_size_, static_cast<std::int64_t>(order_.size()));
  std::vector<std::uint64_t> batch(order_.begin() + place, order_.begin() + end);
  std::erase_if(batch, [this](std::uint64_t unit) { return unit % shard().count != shard().index; });
  std::sort(batch.begin(), batch.end());
  return batch;
}

Participation FixedOrderSampler::participation(std::int64_t steps) const {
  return {std::max<std::int64_t>(1, participations(steps)), steps_per_pass_};
}

CyclicPoissonSampler::CyclicPoissonSampler(std::uint64_t units, double expected_batch_size,
                                           std::int64_t groups, std::uint64_t seed,
                                           const std::uint64_t* insecure_seed, Shard shard)
    : Sampler(checked_plan(units, expected_batch_size, static_cast<double>(groups)), shard),
      groups_(groups),
      secure_(insecure_seed == nullptr),
      insecure_seed_(insecure_seed == nullptr ? 0 : *insecure_seed) {
  if (groups_ < 1 ||
      expected_batch_size * static_cast<double>(groups_) > static_cast<double>(units)) {
    throw usage_error(
        fmt::format("{} groups of {} units hold fewer units each than the batch of {}", groups_,
                    units, expected_batch_size),
        "Take fewer bands (privacy.ftrl_bands) or a smaller batch.");
  }
  const std::vector<std::uint64_t> order = public_order(units, seed);
  members_.resize(static_cast<std::size_t>(groups));
  for (std::size_t place = 0; place < order.size(); ++place) {
    // A seeded draw is that of one process whatever the shard, and is thinned out after.
    if (secure_ && order[place] % shard.count != shard.index) continue;
    members_[place % members_.size()].push_back(order[place]);
  }
}

std::vector<std::uint64_t> CyclicPoissonSampler::sample(std::uint64_t step) {
  const std::vector<std::uint64_t>& members = members_[step % members_.size()];
  const SamplingPlan within{members.size(), plan().sampling_rate,
                            plan().sampling_rate * static_cast<double>(members.size())};
  std::vector<std::uint64_t> batch;
  if (secure_) {
    batch = draw_poisson_batch(within, rng_);
  } else {
    core::ReproducibleRng rng(insecure_seed_, "cyclic-poisson/" + std::to_string(step));
    batch = draw_poisson_batch(within, rng);
  }
  for (std::uint64_t& unit : batch) unit = members[unit];
  std::erase_if(batch, [this](std::uint64_t unit) { return unit % shard().count != shard().index; });
  std::sort(batch.begin(), batch.end());
  return batch;
}

Participation CyclicPoissonSampler::participation(std::int64_t steps) const {
  return {std::max<std::int64_t>(1, participations(steps)), groups_};
}

ParticipationGuard::ParticipationGuard(std::uint64_t units, const Participation& participation)
    : participation_(participation), last_(units, -1), count_(units, 0) {}

void ParticipationGuard::take(std::uint64_t step, std::span<const std::uint64_t> batch) {
  const auto now = static_cast<std::int64_t>(step);
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::uint64_t unit = batch[i];
    if (unit >= last_.size()) throw internal_error(fmt::format("there is no unit {}", unit));
    const bool twice = i > 0 && unit <= before;
    const bool soon = last_[unit] >= 0 && now - last_[unit] < participation_.separation;
    if (twice || soon || count_[unit] >= participation_.most) {
      throw privacy_refused(
          twice ? fmt::format("step {}: the batch is not in ascending order, or holds a unit twice",
                              step)
          : soon
              ? fmt::format(
                    "step {}: a unit takes part again after {} steps, the guarantee needs {}", step,
                    now - last_[unit], participation_.separation)
              : fmt::format("step {}: a unit takes part for the {}th time, the guarantee is for {}",
                            step, count_[unit] + 1, participation_.most),
          "The noise of DP-FTRL is sized for a fixed participation pattern; nothing was released.");
    }
    before = unit;
  }
  for (const std::uint64_t unit : batch) {
    last_[unit] = now;
    ++count_[unit];
  }
}

}  // namespace discreet::privacy
