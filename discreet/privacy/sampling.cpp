#include "discreet/privacy/sampling.h"

#include <bit>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

/// Uniform in (0, 1/2) with 53 significant bits however small it is: 63 bits, and more words while
/// the leading ones are zero. Written as bits + 1/2 so that 0 is never reached.
template <class Rng>
double small_uniform(std::uint64_t bits, Rng& rng) {
  double scale = 0x1p-64;
  while (bits < (1ull << 53)) {
    if (scale < 0x1p-960) break;  // Probability below 2^-900.
    const std::uint64_t more = rng();
    // The bits so far (fewer than 53) and 11 fresh ones.
    bits = (bits << 11) | (more >> 53);
    scale *= 0x1p-11;
  }
  return (static_cast<double>(bits) + 0.5) * scale;
}

/// Standard exponential with full relative precision at both ends: small values from 1 - u, large
/// ones from u.
template <class Rng>
double exponential(Rng& rng) {
  const std::uint64_t bits = rng();
  const double half = small_uniform(bits >> 1, rng);
  return (bits & 1) == 0 ? -std::log(half) : -std::log1p(-half);
}

/// Skips between chosen units are geometric: floor(E / -log(1 - q)) with E exponential.
template <class Rng>
std::vector<std::uint64_t> draw_poisson(const SamplingPlan& plan, Rng& rng) {
  std::vector<std::uint64_t> chosen;
  if (plan.sampling_rate <= 0 || plan.units == 0) return chosen;
  if (plan.sampling_rate >= 1) {
    chosen.resize(plan.units);
    std::iota(chosen.begin(), chosen.end(), std::uint64_t{0});
    return chosen;
  }
  const double mean = plan.sampling_rate * static_cast<double>(plan.units);
  chosen.reserve(static_cast<std::size_t>(mean + 4 * std::sqrt(mean) + 8));
  const double scale = -1.0 / std::log1p(-plan.sampling_rate);
  std::uint64_t next = 0;
  for (;;) {
    const double skip = std::floor(exponential(rng) * scale);
    if (skip >= static_cast<double>(plan.units - next)) return chosen;
    next += static_cast<std::uint64_t>(skip);
    if (next >= plan.units) return chosen;
    chosen.push_back(next++);
    if (next == plan.units) return chosen;
  }
}

std::uint64_t size_of(Shard shard, std::uint64_t units) {
  return shard.index >= units ? 0 : (units - shard.index - 1) / shard.count + 1;
}

}  // namespace

SamplingPlan SamplingPlan::from_batch_size(std::uint64_t units, double expected_batch_size) {
  if (units == 0) throw usage_error("no units to sample from: the training data is empty");
  if (!(expected_batch_size > 0) || expected_batch_size > static_cast<double>(units)) {
    throw usage_error(
        fmt::format("batch size = {}: expected a number in (0, {}]", expected_batch_size, units),
        fmt::format("The data has {} units; a batch cannot be larger.", units));
  }
  return {units, expected_batch_size / static_cast<double>(units), expected_batch_size};
}

SamplingPlan SamplingPlan::from_rate(std::uint64_t units, SamplingRate sampling_rate) {
  if (units == 0) throw usage_error("no units to sample from: the training data is empty");
  return {units, sampling_rate.value(), sampling_rate.value() * static_cast<double>(units)};
}

std::vector<std::uint64_t> draw_poisson_batch(const SamplingPlan& plan, core::SecureRng& rng) {
  return draw_poisson(plan, rng);
}

std::vector<std::uint64_t> draw_poisson_batch(const SamplingPlan& plan, core::ReproducibleRng& rng) {
  return draw_poisson(plan, rng);
}

std::vector<std::uint64_t> PoissonSampler::sample(std::uint64_t) {
  SamplingPlan mine = plan();
  mine.units = size_of(shard(), plan().units);
  std::vector<std::uint64_t> chosen = draw_poisson(mine, rng_);
  for (std::uint64_t& unit : chosen) unit = unit * shard().count + shard().index;
  return chosen;
}

std::vector<std::uint64_t> InsecurePoissonSampler::sample(std::uint64_t step) {
  core::ReproducibleRng rng(seed_, "poisson/" + std::to_string(step));
  std::vector<std::uint64_t> chosen = draw_poisson(plan(), rng);
  std::erase_if(chosen, [this](std::uint64_t unit) { return unit % shard().count != shard().index; });
  return chosen;
}

FullBatchSampler::FullBatchSampler(std::uint64_t units, Shard shard)
    : Sampler(SamplingPlan::from_rate(units, SamplingRate(1)), shard) {}

std::vector<std::uint64_t> FullBatchSampler::sample(std::uint64_t) {
  std::vector<std::uint64_t> all;
  for (std::uint64_t unit = shard().index; unit < plan().units; unit += shard().count) all.push_back(unit);
  return all;
}

}  // namespace discreet::privacy
