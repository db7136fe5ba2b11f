#include "discreet/federated/evaluation/release.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::federated {
namespace {

void check_private_release(const MetricLayout& layout, const ReleaseOptions& options) {
  if (options.most_examples < 1) {
    throw privacy_refused("noise on metrics without a cap on the examples of one device",
                          "Set the most examples that a device may count, before it is asked.");
  }
  for (const MetricBlock& block : layout.blocks()) {
    if (block.bound > 0 && std::isfinite(block.bound)) continue;
    throw privacy_refused(fmt::format("metric '{}': nothing bounds what one example adds to it", block.name),
                          "Give it a bound, or leave it out of the private evaluation.");
  }
}

}  // namespace

MetricAggregate::MetricAggregate(std::shared_ptr<const MetricLayout> layout, const ReleaseOptions& options)
    : layout_(std::move(layout)), options_(options), sums_(layout_->size(), 0) {
  if (!(options.noise_multiplier >= 0) || std::isinf(options.noise_multiplier)) {
    throw usage_error(fmt::format("a noise multiplier of {}", options.noise_multiplier));
  }
  if (!(options.sampling_rate > 0 && options.sampling_rate <= 1)) {
    throw usage_error(fmt::format("a sampling rate of {}", options.sampling_rate));
  }
  if (options.noise_multiplier > 0) check_private_release(*layout_, options);
}

void MetricAggregate::add(const MetricSums& device) {
  if (device.encoded().size() != sums_.size()) throw internal_error("sums of another evaluation");
  if (options_.most_examples > 0 && device.examples() > options_.most_examples) {
    throw privacy_refused(fmt::format("a device counted {} examples, the cap is {}", device.examples(),
                                      options_.most_examples));
  }
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += device.encoded()[i];
  ++devices_;
}

Released MetricAggregate::release(privacy::NoiseSource& noise) {
  if (released_) {
    throw privacy_refused("these sums were released before",
                          "A second release is a second mechanism: aggregate anew, with its own event.");
  }
  if (devices_ < options_.least_devices) {
    throw privacy_refused(fmt::format("{} devices reported, and nothing is released of fewer than {}", devices_,
                                      options_.least_devices));
  }
  released_ = true;
  Released out;
  out.values = decode_sums(*layout_, sums_);
  out.devices = devices_;
  const auto& blocks = layout_->blocks();
  if (options_.noise_multiplier == 0) {
    out.deviation.assign(blocks.size(), 0);
    return out;
  }
  noise.begin_step(0);
  const double root = std::sqrt(static_cast<double>(blocks.size()));
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    const double times = blocks[b].per_device ? 1 : static_cast<double>(options_.most_examples);
    out.deviation.push_back(options_.noise_multiplier * root * times * blocks[b].bound);
    noise.add_gaussian(std::span<double>(out.values).subspan(layout_->offset(b), blocks[b].size),
                       out.deviation.back());
  }
  const auto gaussian = privacy::Event::gaussian(privacy::NoiseMultiplier(options_.noise_multiplier));
  out.event = options_.sampling_rate < 1
                  ? privacy::Event::poisson_sampled(privacy::SamplingRate(options_.sampling_rate), gaussian)
                  : gaussian;
  return out;
}

}  // namespace discreet::federated
