#include "discreet/dp/plan.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/error.h"
#include "discreet/nn/device.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"

namespace discreet::dp {
namespace {

// Values noised and updated together: they stay in the first cache. A multiple of the noise stream's
// group, so that the cut does not change the noise.
constexpr std::int64_t kNoiseBlock = 8 * static_cast<std::int64_t>(privacy::internal::kNormalsPerGroup);
constexpr std::int64_t kBlocksPerThread = 8;  // Fewer are not worth a second thread.

/// Elements first .. first + size of a parameter, with their place in the noise stream.
struct NoisyBlock {
  std::size_t parameter;
  std::int64_t first, size;
  std::uint64_t position;
};

std::unique_ptr<privacy::Sampler> make_sampler(const PrivacyOptions& options) {
  const auto plan = privacy::SamplingPlan::from_batch_size(options.units, options.expected_batch_size);
  if (plan.sampling_rate == 1) {
    return std::make_unique<privacy::FullBatchSampler>(options.units, options.shard);
  }
  if (options.insecure_seed.has_value()) {
    return std::make_unique<privacy::InsecurePoissonSampler>(plan, *options.insecure_seed, options.shard);
  }
  return std::make_unique<privacy::PoissonSampler>(plan, options.shard);
}

std::unique_ptr<privacy::NoiseSource> make_noise(const PrivacyOptions& options) {
  if (options.insecure_seed.has_value()) {
    return std::make_unique<privacy::InsecureNoise>(*options.insecure_seed, "gradient", options.threads,
                                                    options.noise_protection);
  }
  return std::make_unique<privacy::SecureNoise>(options.threads, options.noise_protection);
}

}  // namespace

PrivatePlan::PrivatePlan(PrivacyOptions options)
    : PrivatePlan(std::move(options), nullptr, nullptr) {}

PrivatePlan::PrivatePlan(PrivacyOptions options, std::unique_ptr<privacy::Sampler> sampler,
                         std::unique_ptr<privacy::NoiseSource> noise)
    : options_(std::move(options)), sampler_(std::move(sampler)), noise_(std::move(noise)) {
  options_.clipping.clip_norm = options_.clip_norm;
  check_options();
  rule_ = make_clipping_rule(options_.clipping, options_.layers);
  if (sampler_ == nullptr) sampler_ = make_sampler(options_);
  if (noise_ == nullptr) noise_ = make_noise(options_);
  if (options_.slots > 0) {
    slots_ = std::make_unique<privacy::SlotAssignment>(options_.slots, options_.insecure_seed);
  }
  check_schedule();
  if (options_.noise_multiplier.has_value()) {
    noise_multiplier_ = privacy::NoiseMultiplier(*options_.noise_multiplier).value();
  } else {
    calibrate();
  }
  choose_count_noise();
}

void PrivatePlan::check_options() const {
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
  if (options_.slots < 0) throw usage_error("slots must not be negative");
  if (options_.placement == NoisePlacement::kPerWorker && options_.slots == 0) {
    throw usage_error("noise placement 'per-worker' is that of slots, and there are none",
                      "Set slots, or take the placement global or per-layer.");
  }
  privacy::make_accountant(options_.accountant);
  privacy::multiplier_in_epoch(options_.schedule, 1, 0);
}

void PrivatePlan::check_schedule() const {
  if (options_.noise_multiplier == 0.0) return;  // without noise from the start: epsilon is infinite
  const std::int64_t last = std::max<std::int64_t>(0, options_.steps - 1) / steps_per_epoch();
  if (privacy::multiplier_in_epoch(options_.schedule, 1, last) > 0) return;
  throw usage_error("the noise schedule ends without noise in epoch " + std::to_string(last + 1),
                    "Give it a floor above 0, or let it fall more slowly.");
}

void PrivatePlan::calibrate() {
  const auto accountant = privacy::make_accountant(options_.accountant);
  const privacy::Target target{privacy::Epsilon(*options_.epsilon).value(), options_.delta,
                               accountant.get()};
  noise_multiplier_ = privacy::calibrate_noise_multiplier(target, [&](double multiplier) {
                        return privacy::event_of(phases(multiplier, options_.steps));
                      }).value;
}

/// Unless it is given: a twentieth of the segments (Andrew et al. 2021), and at least so much that the
/// counts take no more than a tenth of what a step may spend.
void PrivatePlan::choose_count_noise() {
  if (!rule_->counts()) return;
  const double first = effective_multiplier_at(0);
  const double sensitivity = unit_sensitivity(relation(), holds()) / 2 *
                             std::sqrt(static_cast<double>(rule_->bounds().size()));
  count_noise_ = options_.clipping.count_noise;
  if (count_noise_ == 0) {
    count_noise_ = std::max(divisor() / 20, sensitivity * first / std::sqrt(0.1));
  }
  if (first == 0 || count_noise_ / sensitivity > first) return;
  throw privacy_refused(
      "counts with noise " + std::to_string(count_noise_) + " count as a noise multiplier of " +
          std::to_string(count_noise_ / sensitivity) + ", the whole step may spend that of " +
          std::to_string(first) + ": nothing is left for the gradients",
      "Put more noise on the counts, or leave it to be chosen (count_noise 0).");
}

SegmentHolds PrivatePlan::holds() const {
  return options_.slots > 0 ? SegmentHolds::kMeanOfUnits : SegmentHolds::kOneUnit;
}

std::int64_t PrivatePlan::steps_per_epoch() const {
  const double steps = 1 / sampler_->plan().sampling_rate;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(steps - 1e-9)));
}

double PrivatePlan::noise_multiplier_at(std::int64_t step) const {
  return privacy::multiplier_in_epoch(options_.schedule, noise_multiplier_, step / steps_per_epoch());
}

double PrivatePlan::effective_multiplier_at(std::int64_t step) const {
  return effective(noise_multiplier_at(step));
}

/// Depends on the ratios of the bounds to the noise alone, so bounds may move as they like.
double PrivatePlan::effective(double sigma) const {
  return privacy::counted_multiplier(options_.placement, rule_->bounds(), sigma, options_.slots,
                                     unit_sensitivity(relation(), holds()));
}

bool PrivatePlan::counting_at(std::int64_t step) const {
  return rule_->counts() &&
         (options_.clipping.quantile_steps == 0 || step < options_.clipping.quantile_steps);
}

double PrivatePlan::gradient_multiplier(double effective) const {
  const double counts = unit_sensitivity(relation(), holds()) / 2 *
                        std::sqrt(static_cast<double>(rule_->bounds().size())) / count_noise_;
  return 1 / std::sqrt(1 / (effective * effective) - counts * counts);
}

std::unique_ptr<ClippingRule> PrivatePlan::make_rule() const {
  return make_clipping_rule(options_.clipping, options_.layers);
}

std::unique_ptr<SegmentClipper> PrivatePlan::make_clipper(nn::NamedTensors parameters,
                                                          RuleOptions options) const {
  auto rule = make_rule();
  auto layers = rule->by_layer() ? options_.layers : std::vector<ClipLayer>{};
  return std::make_unique<SegmentClipper>(std::move(parameters), std::move(rule), std::move(layers),
                                          options, holds());
}

std::vector<privacy::Phase> PrivatePlan::phases(double first, std::int64_t steps) const {
  std::vector<privacy::Phase> list;
  for (const auto& run :
       privacy::multiplier_runs(options_.schedule, first, steps_per_epoch(),
                                                  sampler_->participations(steps))) {
    list.push_back({effective(run.noise_multiplier), sampler_->plan().sampling_rate, run.steps});
  }
  return list;
}

std::vector<privacy::Phase> PrivatePlan::published_phases(std::int64_t steps) const {
  std::vector<privacy::Phase> list;
  for (const auto& run : privacy::multiplier_runs(options_.schedule, noise_multiplier_,
                                                  steps_per_epoch(),
                                                  sampler_->participations(steps))) {
    list.push_back({run.noise_multiplier, sampler_->plan().sampling_rate, run.steps});
  }
  return list;
}

privacy::Event PrivatePlan::step_event_of(double effective, bool counting) const {
  using privacy::Event;
  using privacy::NoiseMultiplier;
  Event event = Event::gaussian(NoiseMultiplier(effective));
  if (counting && effective > 0) {
    const double count = count_noise_ / (unit_sensitivity(relation(), holds()) / 2);
    Event counts = Event::gaussian(NoiseMultiplier(count));
    const auto size = static_cast<std::int64_t>(rule_->bounds().size());
    if (size > 1) counts = Event::self_composed(counts, size);
    event = Event::composed({Event::gaussian(NoiseMultiplier(gradient_multiplier(effective))), counts});
  }
  const double rate = sampler_->plan().sampling_rate;
  return rate == 1 ? event : Event::poisson_sampled(privacy::SamplingRate(rate), event);
}

privacy::Event PrivatePlan::step_event(std::int64_t step) const {
  return step_event_of(effective_multiplier_at(step), counting_at(step));
}

privacy::Event PrivatePlan::event(std::int64_t steps) const {
  return privacy::event_of(phases(noise_multiplier_, steps));
}

double PrivatePlan::epsilon(std::int64_t steps) const {
  const auto accountant = privacy::make_accountant(options_.accountant);
  return accountant->epsilon(event(steps), privacy::Delta(options_.delta)).guarantee();
}

std::optional<double> PrivatePlan::epsilon_as_published(std::int64_t steps) const {
  if (options_.slots == 0) return std::nullopt;
  const auto accountant = privacy::make_accountant(options_.accountant);
  return accountant->epsilon(privacy::event_of(published_phases(steps)), privacy::Delta(options_.delta))
      .value;
}

std::string PrivatePlan::details() const {
  std::vector<std::string> parts;
  if (options_.slots > 0) parts.push_back(fmt::format("{} slots", options_.slots));
  if (rule_->by_layer()) parts.push_back(fmt::format("{} layers", rule_->bounds().size()));
  if (options_.placement != NoisePlacement::kGlobal) {
    parts.push_back("noise placed " + privacy::name(options_.placement));
  }
  const privacy::NoiseSchedule& schedule = options_.schedule;
  if (schedule.kind != privacy::NoiseSchedule::Kind::kConstant) {
    parts.push_back(fmt::format("{} noise schedule, decay {}", privacy::name(schedule.kind),
                                schedule.decay));
  }
  if (rule_->counts()) {
    // Shares of a step's budget are those of 1 / multiplier^2.
    const double counted = effective_multiplier_at(0);
    const double left = counted > 0 ? counted / gradient_multiplier(counted) : 1;
    parts.push_back(fmt::format("bounds follow the {} quantile by counts with noise {:.4g}, counted in epsilon: "
                                "they take {:.2g} % of a step",
                                options_.clipping.quantile, count_noise_, 100 * (1 - left * left)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

privacy::PrivacyRun PrivatePlan::describe(std::int64_t steps, std::uint64_t parameters) const {
  privacy::PrivacyRun run;
  run.mechanism = options_.mechanism;
  run.clipping = options_.clipping.rule;
  run.details = details();
  run.unit = options_.unit;
  run.relation = relation();
  run.sampling = sampler_->sampling();
  run.units = options_.units;
  run.expected_batch_size = sampler_->expected_batch_size();
  run.clip_norm = options_.clip_norm;
  run.delta = options_.delta;
  run.accountant = options_.accountant;
  run.phases = phases(noise_multiplier_, steps);
  if (options_.slots > 0) run.phases_as_published = published_phases(steps);
  run.target_epsilon = options_.epsilon;
  run.parameters = parameters;
  run.insecure_seed =
      !noise_->secure() || !sampler_->secure() || (slots_ != nullptr && !slots_->secure());
  run.floating_point_protection = noise_->floating_point_safe();
  run.user_contributions_capped = options_.unit == privacy::Unit::kUser;
  run.processes = options_.shard.count;
  return run;
}

std::vector<std::uint64_t> PrivatePlan::begin_step(std::uint64_t step) {
  noise_->begin_step(step);
  step_ = static_cast<std::int64_t>(step);
  step_open_ = true;
  return sampler_->sample(step);
}

std::int64_t PrivatePlan::slot_of(std::uint64_t step, std::uint64_t unit) const {
  if (slots_ == nullptr) throw internal_error("the plan has no slots");
  return slots_->slot_of(step, unit);
}

double PrivatePlan::divisor() const {
  return options_.slots > 0 ? static_cast<double>(options_.slots) : sampler_->expected_batch_size();
}

std::vector<double> PrivatePlan::deviations(const ClippedSum& sum) const {
  const double sigma = noise_multiplier_at(step_);
  const double counted = effective(sigma);
  // What the counts take from the step's budget, the gradients' noise makes up for.
  const double grown = counting_at(step_) && counted > 0 ? gradient_multiplier(counted) / counted : 1;
  return privacy::placed_noise(options_.placement, sum.bounds(), sigma * grown, options_.slots);
}

/// Opens the sum, once per step, and releases its counts.
void PrivatePlan::spend_step(ClippedSum& sum) {
  if (!step_open_) throw internal_error("a second noisy release was asked for in one logical step");
  step_open_ = false;
  if (sum.unit_sensitivity_ != unit_sensitivity(relation(), holds())) {
    throw internal_error("the clipped sum is of segments of another kind than the plan counts");
  }
  if (!counting_at(step_) || sum.counts_.empty()) return;
  sum.released_counts_ = sum.counts_;
  noise_->add_gaussian(std::span<double>(sum.released_counts_), noise_multiplier_ == 0 ? 0 : count_noise_);
  sum.expected_segments_ = divisor();
}

/// Of what the optimiser gets, one for each parameter.
std::vector<double> PrivatePlan::noise_variances(const ClippedSum& sum) const {
  const std::vector<double> by_layer = deviations(sum);
  std::vector<double> variances;
  for (const std::size_t layer : sum.layer_of_) {
    const double deviation = noise_->step_deviation(by_layer[layer]) / divisor();
    variances.push_back(deviation * deviation);
  }
  return variances;
}

void PrivatePlan::update(ClippedSum& sum, nn::Optimizer& optimizer, double learning_rate) {
  if (sum.parallel_ != nullptr) return update_in_processes(sum, optimizer, learning_rate);
  const auto& parameters = optimizer.parameters();
  if (parameters.size() != sum.sinks_.size()) {
    throw internal_error("the optimizer and the clipper hold other parameters");
  }
  const bool blockwise = std::all_of(parameters.begin(), parameters.end(), [](const auto& parameter) {
    return parameter.second.scalar_type() == at::kFloat;
  });
  if (!blockwise) {
    const std::vector<double> variances = noise_variances(sum);
    optimizer.step(release(sum), learning_rate, variances);
    return;
  }
  spend_step(sum);
  const std::vector<double> by_layer = deviations(sum);
  const double scale = 1 / divisor();
  at::NoGradGuard no_grad;
  optimizer.begin_step(learning_rate, noise_variances(sum));
  std::vector<NoisyBlock> blocks;
  // Noise is drawn on the host: sums of other devices come here for it and go back.
  std::vector<at::Tensor> sums;
  // The host's own are gathered block by block instead: many of their rows may be untouched.
  for (GradientSink& sink : sum.sinks_) sums.push_back(sink.device().is_cpu() ? at::Tensor() : sink.accumulator());
  const std::vector<at::Tensor> visiting = nn::brought_to_host(sums);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::int64_t size = parameters[i].second.numel();
    const auto place = noise_->reserve(static_cast<std::uint64_t>(size));
    if (!place && visiting[i].defined()) {
      noise_->add_gaussian(std::span<float>(visiting[i].data_ptr<float>(), static_cast<std::size_t>(size)),
                           by_layer[sum.layer_of_[i]]);
      visiting[i].mul_(scale);
      continue;
    }
    if (!place) {
      update_in_sequence(i, by_layer[sum.layer_of_[i]], sum, optimizer);
      continue;
    }
    for (std::int64_t first = 0; first < size; first += kNoiseBlock) {
      blocks.push_back({i, first, std::min(kNoiseBlock, size - first),
                        *place + static_cast<std::uint64_t>(first)});
    }
  }
  at::parallel_for(0, static_cast<std::int64_t>(blocks.size()), kBlocksPerThread,
                   [&](std::int64_t begin, std::int64_t end) {
    alignas(64) std::array<float, kNoiseBlock> gradient;
    for (std::int64_t b = begin; b < end; ++b) {
      const NoisyBlock& block = blocks[static_cast<std::size_t>(b)];
      const at::Tensor& visitor = visiting[block.parameter];
      float* const scratch = visitor.defined() ? visitor.data_ptr<float>() + block.first : gradient.data();
      const std::span<float> out(scratch, static_cast<std::size_t>(block.size));
      const float* in =
          visitor.defined() ? scratch : sum.sinks_[block.parameter].part(block.first, block.size, scratch);
      const double deviation = by_layer[sum.layer_of_[block.parameter]];
      noise_->add_reserved({block.position, in, out, deviation, scale});
      if (!visitor.defined()) optimizer.update(block.parameter, block.first, out);
    }
  });
  for (std::size_t i = 0; i < visiting.size(); ++i) {
    if (visiting[i].defined()) optimizer.update(i, visiting[i].to(parameters[i].second.device(), /*non_blocking=*/true));
  }
}

void PrivatePlan::update_in_sequence(std::size_t parameter, double deviation, ClippedSum& sum,
                                     nn::Optimizer& optimizer) {
  at::Tensor& values = sum.sinks_[parameter].accumulator();
  const auto scale = static_cast<float>(1 / divisor());
  for (std::int64_t first = 0; first < values.numel(); first += kNoiseBlock) {
    const std::span<float> part(values.data_ptr<float>() + first,
                                static_cast<std::size_t>(std::min(kNoiseBlock, values.numel() - first)));
    noise_->add_gaussian(part, deviation);
    for (float& value : part) value *= scale;
    optimizer.update(parameter, first, part);
  }
}

std::vector<at::Tensor> PrivatePlan::release(ClippedSum& sum) {
  spend_step(sum);
  const std::vector<double> by_layer = deviations(sum);
  std::vector<at::Tensor> released;
  for (std::size_t i = 0; i < sum.sinks_.size(); ++i) {
    const at::Tensor where = sum.sinks_[i].accumulator();
    const at::Tensor values = where.cpu();
    const double deviation = by_layer[sum.layer_of_[i]];
    const auto size = static_cast<std::size_t>(values.numel());
    if (values.scalar_type() == at::kDouble) {
      noise_->add_gaussian(std::span<double>(values.data_ptr<double>(), size), deviation);
    } else {
      noise_->add_gaussian(std::span<float>(values.data_ptr<float>(), size), deviation);
    }
    released.push_back(values.div_(divisor()).to(where.device()));
  }
  return released;
}

}  // namespace discreet::dp
