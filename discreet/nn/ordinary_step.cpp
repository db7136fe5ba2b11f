#include "discreet/nn/ordinary_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/model.h"

namespace discreet::nn {
namespace {

NamedTensors checked_parameters(const Model& model, const OrdinaryStepOptions& options) {
  if (options.examples < 1) {
    throw usage_error("the training set is empty", "Check data.train and data.hold_out.");
  }
  if (options.batch_size < 1) throw usage_error("train.batch_size must be at least 1");
  NamedTensors parameters = trainable_parameters(model);
  if (parameters.empty()) throw usage_error("the model has no trainable parameter");
  return parameters;
}

}  // namespace

NamedTensors trainable_parameters(const Model& model) {
  NamedTensors parameters;
  for (const auto& item : model.named_parameters()) {
    if (item.value().requires_grad()) parameters.emplace_back(item.key(), item.value());
  }
  return parameters;
}

OrdinaryStep::OrdinaryStep(Model& model, Collate collate, const OrdinaryStepOptions& options)
    : model_(model),
      collate_(std::move(collate)),
      options_(options),
      optimizer_(checked_parameters(model, options), options.optimizer) {}

std::int64_t OrdinaryStep::steps_per_epoch() const {
  return (options_.examples + options_.batch_size - 1) / options_.batch_size;
}

LogicalBatch OrdinaryStep::sample(std::int64_t number) {
  number_ = number;
  const std::int64_t epoch = number / steps_per_epoch();
  if (epoch != epoch_) {
    order_.resize(static_cast<std::size_t>(options_.examples));
    std::iota(order_.begin(), order_.end(), 0);
    core::ReproducibleRng rng(options_.seed, fmt::format("shuffle/{}", epoch));
    core::shuffle(std::span(order_), rng);
    epoch_ = epoch;
  }
  const std::int64_t first = (number % steps_per_epoch()) * options_.batch_size;
  const std::int64_t last = std::min(options_.examples, first + options_.batch_size);
  LogicalBatch batch;
  batch.indices.assign(order_.begin() + first, order_.begin() + last);
  batch.segment_offsets.resize(batch.indices.size() + 1);
  std::iota(batch.segment_offsets.begin(), batch.segment_offsets.end(), 0);
  batch.collate = collate_;
  return batch;
}

StepReport OrdinaryStep::run(const LogicalBatch& batch, double learning_rate) {
  StepReport report;
  report.examples = static_cast<std::int64_t>(batch.indices.size());
  const PackedBatch packed = batch.collate(batch.indices, batch.segment_offsets);
  model_.train();
  model_.set_dropout(options_.seed, static_cast<std::uint64_t>(number_));
  for (const auto& [name, parameter] : optimizer_.parameters()) parameter.mutable_grad().reset();

  const at::Tensor loss = model_.forward(packed).loss.sum();
  report.loss_sum = loss.item<double>();
  (loss / static_cast<double>(report.examples)).backward();

  std::vector<at::Tensor> gradients;
  double squared = 0;
  for (const auto& [name, parameter] : optimizer_.parameters()) {
    gradients.push_back(parameter.grad());
    if (!gradients.back().defined()) continue;
    const double norm = gradients.back().norm().item<double>();
    squared += norm * norm;
  }
  report.gradient_norm = std::sqrt(squared);
  if (options_.max_norm > 0 && report.gradient_norm > options_.max_norm) {
    for (at::Tensor& gradient : gradients) {
      if (gradient.defined()) gradient.mul_(options_.max_norm / report.gradient_norm);
    }
  }
  // A damaged loss ends the run in the loop; the weights stay those of the last good step.
  if (std::isfinite(report.loss_sum)) optimizer_.step(gradients, learning_rate);
  return report;
}

Json OrdinaryStep::save(const std::filesystem::path& folder) const {
  write_tensors(folder / "optimizer.safetensors", optimizer_.state());
  return {{"kind", "ordinary"}, {"optimizer", optimizer_name(options_.optimizer.kind)}};
}

void OrdinaryStep::load(const std::filesystem::path& folder, const Json& state) {
  if (state.value("kind", "") != "ordinary" ||
      state.value("optimizer", "") != optimizer_name(options_.optimizer.kind)) {
    throw bad_data(folder.string() + ": the checkpoint was written by another optimiser",
                   "Resume with the configuration that the run began with.");
  }
  optimizer_.load(read_tensors(folder / "optimizer.safetensors"));
}

}  // namespace discreet::nn
