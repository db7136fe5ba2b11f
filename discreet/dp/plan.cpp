#include "discreet/dp/plan.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"

namespace discreet::dp {
namespace {

// Values noised and updated together: they stay in the second cache. A multiple of the noise stream's
// group, so that the cut does not change the noise.
constexpr std::int64_t kNoiseBlock = 64 * static_cast<std::int64_t>(privacy::internal::kNormalsPerGroup);

std::unique_ptr<privacy::Sampler> make_sampler(const PrivacyOptions& options) {
  const auto plan = privacy::SamplingPlan::from_batch_size(options.units, options.expected_batch_size);
  if (plan.sampling_rate == 1) return std::make_unique<privacy::FullBatchSampler>(options.units);
  if (options.insecure_seed.has_value()) {
    return std::make_unique<privacy::InsecurePoissonSampler>(plan, *options.insecure_seed);
  }
  return std::make_unique<privacy::PoissonSampler>(plan);
}

std::unique_ptr<privacy::NoiseSource> make_noise(const PrivacyOptions& options) {
  if (options.insecure_seed.has_value()) {
    return std::make_unique<privacy::InsecureNoise>(*options.insecure_seed, "gradient",
                                                    options.threads);
  }
  return std::make_unique<privacy::SecureNoise>(options.threads);
}

}  // namespace

PrivatePlan::PrivatePlan(PrivacyOptions options)
    : PrivatePlan(std::move(options), nullptr, nullptr) {}

PrivatePlan::PrivatePlan(PrivacyOptions options, std::unique_ptr<privacy::Sampler> sampler,
                         std::unique_ptr<privacy::NoiseSource> noise)
    : options_(std::move(options)), sampler_(std::move(sampler)), noise_(std::move(noise)) {
  privacy::ClipNorm clip_norm(options_.clip_norm);
  privacy::Delta delta(options_.delta);
  if (delta.value() == 0 || delta.value() == 1) {
    throw usage_error("delta must lie between 0 and 1, got " + std::to_string(delta.value()),
                      "Gaussian noise has no guarantee with delta 0; take less than 1/units.");
  }
  if (options_.noise_multiplier.has_value() == options_.epsilon.has_value()) {
    throw usage_error("a private run needs either epsilon or noise_multiplier, got " +
                          std::string(options_.epsilon.has_value() ? "both" : "neither"),
                      "Set privacy.epsilon to have the noise calibrated.");
  }
  if (options_.steps < 0) throw usage_error("steps must not be negative");
  if (sampler_ == nullptr) sampler_ = make_sampler(options_);
  if (noise_ == nullptr) noise_ = make_noise(options_);
  const auto accountant = privacy::make_accountant(options_.accountant);
  if (options_.noise_multiplier.has_value()) {
    noise_multiplier_ = privacy::NoiseMultiplier(*options_.noise_multiplier).value();
    return;
  }
  const privacy::Target target{privacy::Epsilon(*options_.epsilon).value(), options_.delta,
                               accountant.get()};
  const double rate = sampler_->plan().sampling_rate;
  noise_multiplier_ =
      privacy::calibrate_noise_multiplier(target, [&](double multiplier) {
        return privacy::event_of({{multiplier, rate, options_.steps}});
      }).value;
}

std::unique_ptr<SegmentClipper> PrivatePlan::make_clipper(nn::NamedTensors parameters,
                                                          RuleOptions options) const {
  return std::make_unique<SegmentClipper>(std::move(parameters),
                                          privacy::ClipNorm(options_.clip_norm), options);
}

privacy::Event PrivatePlan::step_event() const { return event(1); }

privacy::Event PrivatePlan::event(std::int64_t steps) const {
  return privacy::event_of({{noise_multiplier_, sampler_->plan().sampling_rate, steps}});
}

double PrivatePlan::epsilon(std::int64_t steps) const {
  const auto accountant = privacy::make_accountant(options_.accountant);
  return accountant->epsilon(event(steps), privacy::Delta(options_.delta)).guarantee();
}

privacy::PrivacyRun PrivatePlan::describe(std::int64_t steps, std::uint64_t parameters) const {
  privacy::PrivacyRun run;
  run.unit = options_.unit;
  run.relation = relation();
  run.sampling = sampler_->sampling();
  run.units = options_.units;
  run.expected_batch_size = sampler_->expected_batch_size();
  run.clip_norm = options_.clip_norm;
  run.delta = options_.delta;
  run.accountant = options_.accountant;
  run.phases = {{noise_multiplier_, sampler_->plan().sampling_rate, steps}};
  run.target_epsilon = options_.epsilon;
  run.parameters = parameters;
  run.insecure_seed = !noise_->secure() || !sampler_->secure();
  run.user_contributions_capped = options_.unit == privacy::Unit::kUser;
  return run;
}

std::vector<std::uint64_t> PrivatePlan::begin_step(std::uint64_t step) {
  noise_->begin_step(step);
  step_open_ = true;
  return sampler_->sample(step);
}

void PrivatePlan::spend_step() {
  if (!step_open_) throw internal_error("a second noisy release was asked for in one logical step");
  step_open_ = false;
}

void PrivatePlan::update(ClippedSum& sum, nn::Optimizer& optimizer, double learning_rate) {
  const auto& parameters = optimizer.parameters();
  if (parameters.size() != sum.sinks_.size()) {
    throw internal_error("the optimizer and the clipper hold other parameters");
  }
  const bool blockwise = std::all_of(parameters.begin(), parameters.end(), [](const auto& parameter) {
    return parameter.second.is_cpu() && parameter.second.scalar_type() == at::kFloat;
  });
  if (!blockwise) {
    optimizer.step(release(sum), learning_rate);
    return;
  }
  spend_step();
  const double deviation = noise_multiplier_ * sum.sensitivity();
  const double scale = 1 / divisor();
  const std::int64_t block = kNoiseBlock * std::max(1, options_.threads);
  at::NoGradGuard no_grad;
  optimizer.begin_step(learning_rate);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    at::Tensor& values = sum.sinks_[i].accumulator();
    float* data = values.data_ptr<float>();
    for (std::int64_t first = 0; first < values.numel(); first += block) {
      const std::int64_t size = std::min(block, values.numel() - first);
      const std::span<float> part(data + first, static_cast<std::size_t>(size));
      noise_->add_gaussian(part, deviation);
      const auto factor = static_cast<float>(scale);
      for (float& value : part) value *= factor;
      optimizer.update(i, first, part);
    }
  }
}

std::vector<at::Tensor> PrivatePlan::release(ClippedSum& sum) {
  spend_step();
  const double deviation = noise_multiplier_ * sum.sensitivity();
  std::vector<at::Tensor> released;
  for (GradientSink& sink : sum.sinks_) {
    at::Tensor values = sink.accumulator();
    const auto size = static_cast<std::size_t>(values.numel());
    if (values.scalar_type() == at::kDouble) {
      noise_->add_gaussian(std::span<double>(values.data_ptr<double>(), size), deviation);
    } else {
      noise_->add_gaussian(std::span<float>(values.data_ptr<float>(), size), deviation);
    }
    released.push_back(values.div_(divisor()));
  }
  return released;
}

}  // namespace discreet::dp
