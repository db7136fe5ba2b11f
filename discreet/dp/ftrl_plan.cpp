#include "discreet/dp/ftrl_plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/nn/checkpoint.h"

namespace discreet::dp {
namespace {

void check_ftrl_options(const PrivacyOptions& options) {
  const char* what = nullptr;
  if (options.slots > 0) what = "slots";
  if (options.schedule.kind != privacy::NoiseSchedule::Kind::kConstant) what = "a noise schedule";
  if (options.clipping.rule == "adaptive" || options.clipping.rule == "group-wise") {
    what = "clip norms that move";
  }
  if (options.ftrl.cyclic_poisson && options.ftrl.matrix != "banded") {
    what = "cyclic Poisson sampling with a tree";
  }
  if (options.expected_batch_size != std::floor(options.expected_batch_size))
    what = "a batch of parts of a unit";
  if (what == nullptr) return;
  throw usage_error(
      std::string("mechanism 'dp-ftrl' cannot have ") + what,
      "Its noise cancels over the steps, so its size and its matrix are fixed before the run.");
}

}  // namespace

struct FtrlPlan::Parts {
  std::unique_ptr<privacy::Sampler> sampler;
  privacy::Participation participation;
  std::unique_ptr<privacy::CorrelatedNoise> noise;
};

FtrlPlan::Parts FtrlPlan::parts_of(PrivacyOptions& options,
                                   std::unique_ptr<privacy::Sampler> planted) {
  check_ftrl_options(options);
  Parts parts;
  const std::int64_t steps = std::max<std::int64_t>(1, options.steps);
  const auto batch = static_cast<std::int64_t>(options.expected_batch_size);
  if (options.ftrl.cyclic_poisson) {
    // As few groups as the bands allow: the fewer, the smaller the rate within one.
    const std::int64_t most = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(options.units) / std::max<std::int64_t>(1, batch));
    const std::int64_t groups = privacy::chosen_bands(options.ftrl, steps, most);
    const std::uint64_t seed = options.insecure_seed.value_or(0);
    auto sampler = std::make_unique<privacy::CyclicPoissonSampler>(
        options.units, options.expected_batch_size, groups, options.ftrl.order_seed,
        options.insecure_seed ? &seed : nullptr, options.shard);
    parts.participation = sampler->participation(steps);
    parts.sampler = std::move(sampler);
  } else {
    auto sampler =
        std::make_unique<privacy::FixedOrderSampler>(options.units, batch, options.ftrl.order_seed,
                                                     options.shard);
    parts.participation = sampler->participation(steps);
    parts.sampler = std::move(sampler);
  }
  if (planted != nullptr) parts.sampler = std::move(planted);
  parts.noise = std::make_unique<privacy::CorrelatedNoise>(
      privacy::make_strategy(options.ftrl, steps, parts.participation), parts.participation,
      [&options](std::int64_t draw) -> std::unique_ptr<privacy::NoiseSource> {
        if (!options.insecure_seed) {
          return std::make_unique<privacy::SecureNoise>(options.threads, options.noise_protection);
        }
        return std::make_unique<privacy::InsecureNoise>(*options.insecure_seed,
                                                        fmt::format("gradient/{}", draw),
                                                        options.threads, options.noise_protection);
      });
  return parts;
}

FtrlPlan::FtrlPlan(PrivacyOptions options, std::unique_ptr<privacy::Sampler> sampler)
    : FtrlPlan(options, parts_of(options, std::move(sampler))) {}

FtrlPlan::FtrlPlan(PrivacyOptions options, Parts parts)
    : PrivatePlan(options, std::move(parts.sampler), nullptr),
      participation_(parts.participation),
      correlated_(parts.noise.get()),
      guard_(options.units, parts.participation) {
  put_noise(std::move(parts.noise));
}

double FtrlPlan::prefix_noise() const {
  return noise_multiplier() / std::sqrt(static_cast<double>(participation_.most)) *
         privacy::prefix_rmse(strategy(), participation_);
}

double FtrlPlan::independent_prefix_noise() const {
  return noise_multiplier() * std::sqrt((static_cast<double>(strategy().steps()) + 1) / 2);
}

privacy::Event FtrlPlan::event(std::int64_t steps) const {
  const std::int64_t taken = sampler().participations(steps + lost_);
  if (taken == 0) return privacy::Event::composed({});
  if (options().ftrl.cyclic_poisson) {
    return privacy::Event::cyclic_poisson_banded(
        privacy::NoiseMultiplier(noise_multiplier()),
        privacy::SamplingRate(sampler().plan().sampling_rate), steps + lost_,
        participation_.separation);
  }
  const double root = std::sqrt(static_cast<double>(taken));
  return privacy::Event::matrix_mechanism(privacy::NoiseMultiplier(noise_multiplier() / root),
                                          {.strategy = strategy().name(),
                                           .steps = steps + lost_,
                                           .participations = taken,
                                           .separation = participation_.separation,
                                           .sensitivity = noise().scale() * root});
}

privacy::Event FtrlPlan::step_event(std::int64_t step) const {
  const std::int64_t place = step + lost_;
  if (sampler().participations(place + 1) == sampler().participations(place)) {
    return privacy::Event::composed({});  // paid for with the first step of the pass
  }
  return PrivatePlan::step_event(step);
}

std::vector<std::uint64_t> FtrlPlan::begin_step(std::uint64_t step) {
  const std::uint64_t place = step + static_cast<std::uint64_t>(lost_);
  auto batch = PrivatePlan::begin_step(place);
  guard_.take(place, batch);
  return batch;
}

void FtrlPlan::go_on(std::int64_t step, std::int64_t lost) {
  lost_ = lost;
  guard_ = privacy::ParticipationGuard(options().units, participation_);
  // A fixed order says who took part before; who was drawn by chance is known to nobody any more.
  if (options().ftrl.cyclic_poisson) return;
  for (std::int64_t place = 0; place < step + lost; ++place) {
    guard_.take(static_cast<std::uint64_t>(place),
                sampler().sample(static_cast<std::uint64_t>(place)));
  }
}

void FtrlPlan::save(const std::filesystem::path& folder) const {
  if (noise().secure() || options().shard.count > 1) return;
  const privacy::CorrelatedNoise::State state = noise().state();
  const auto floats = at::tensor(at::ArrayRef<float>(state.past), at::kFloat);
  const auto stds = at::tensor(at::ArrayRef<double>(state.stds), at::kDouble);
  nn::write_tensors(
      folder / "noise.safetensors",
      {{"position", at::full({1}, state.position, at::kLong)}, {"stds", stds}, {"past", floats}});
}

void FtrlPlan::load(const std::filesystem::path& folder) {
  if (noise().secure() || options().shard.count > 1) return;
  // Saved by several processes: the mechanism begins anew, as a secure one does.
  if (!std::filesystem::exists(folder / "noise.safetensors")) return;
  privacy::CorrelatedNoise::State state;
  for (const auto& [name, tensor] : nn::read_tensors(folder / "noise.safetensors")) {
    if (name == "position") state.position = tensor.item<std::int64_t>();
    if (name == "stds")
      state.stds.assign(tensor.data_ptr<double>(), tensor.data_ptr<double>() + tensor.numel());
    if (name == "past")
      state.past.assign(tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel());
  }
  noise().restore(state);
}

privacy::PrivacyRun FtrlPlan::describe(std::int64_t steps, std::uint64_t parameters) const {
  privacy::PrivacyRun run = PrivatePlan::describe(steps, parameters);
  run.steps = steps;
  run.event = event(steps);
  run.matrix = privacy::MatrixFacts{.strategy = strategy().name(),
                                    .memory = strategy().memory(),
                                    .participations = participation_.most,
                                    .separation = participation_.separation,
                                    .prefix_noise = prefix_noise(),
                                    .independent_prefix_noise = independent_prefix_noise(),
                                    .draws_per_step = strategy().draws() > 1 ? 2.0 : 1.0};
  return run;
}

}  // namespace discreet::dp
