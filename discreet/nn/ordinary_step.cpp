#include "discreet/nn/ordinary_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/distributed/share.h"
#include "discreet/nn/loss_rule.h"
#include "discreet/nn/model.h"
#include "discreet/nn/still_rows.h"

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

std::unique_ptr<DataParallel> make_parallel(const Model& model, const OrdinaryStepOptions& options) {
  if (options.parallel == nullptr || options.parallel->alone()) return nullptr;
  return std::make_unique<DataParallel>(options.parallel, checked_parameters(model, options));
}

double squared_norm(std::span<const at::Tensor> gradients) {
  double squared = 0;
  for (const at::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm = gradient.norm().item<double>();
    squared += norm * norm;
  }
  return squared;
}

void limit_norm(std::span<at::Tensor> gradients, double norm, double max_norm) {
  if (max_norm <= 0 || norm <= max_norm) return;
  for (at::Tensor& gradient : gradients) {
    if (gradient.defined()) gradient.mul_(max_norm / norm);
  }
}

/// Examples begin .. end of a batch whose segments are examples.
PackedBatch part_of(const LogicalBatch& batch, std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(end - begin) + 1);
  std::iota(offsets.begin(), offsets.end(), 0);
  return batch.collate(std::span(batch.indices).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                       offsets);
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
      parallel_(make_parallel(model, options)),
      optimizer_(parallel_ ? parallel_->optimizer_parameters() : checked_parameters(model, options),
                 options.optimizer) {
  keep_padding_still(model, optimizer_, parallel_.get());
}

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
  batch_examples_ = last - first;
  LogicalBatch batch;
  batch.indices.assign(order_.begin() + first, order_.begin() + last);
  if (parallel_) batch.indices = share_of(batch.indices, parallel_->rank(), parallel_->size());
  batch.segment_offsets.resize(batch.indices.size() + 1);
  std::iota(batch.segment_offsets.begin(), batch.segment_offsets.end(), 0);
  batch.collate = collate_;
  return batch;
}

double OrdinaryStep::backward(const LogicalBatch& batch, double divisor,
                              std::vector<at::Tensor>& gradients) {
  model_.train();
  model_.set_dropout(options_.seed, static_cast<std::uint64_t>(number_));
  const NamedTensors parameters = parallel_ ? parallel_->parameters() : optimizer_.parameters();
  for (const auto& [name, parameter] : parameters) parameter.mutable_grad().reset();
  double loss_sum = 0;
  const auto size = static_cast<std::int64_t>(batch.indices.size());
  const bool whole = options_.loss != nullptr || options_.lengths.empty();
  for (std::int64_t begin = 0, end = 0; begin < size; begin = end) {
    end = whole ? size : part_end(batch.indices, options_.lengths, begin, size, options_.part_tokens);
    const PackedBatch packed = part_of(batch, begin, end);
    const at::Tensor losses = options_.loss ? options_.loss->losses(model_, packed) : model_.forward(packed).loss;
    const at::Tensor loss = losses.sum();
    loss_sum += loss.item<double>();
    (loss / divisor).backward();
  }
  for (const auto& [name, parameter] : parameters) gradients.push_back(parameter.grad());
  return loss_sum;
}

StepReport OrdinaryStep::run(const LogicalBatch& batch, double learning_rate) {
  if (parallel_) return run_in_parallel(batch, learning_rate);
  StepReport report;
  report.examples = static_cast<std::int64_t>(batch.indices.size());
  std::vector<at::Tensor> gradients;
  report.loss_sum = backward(batch, static_cast<double>(report.examples), gradients);
  report.gradient_norm = std::sqrt(squared_norm(gradients));
  limit_norm(gradients, report.gradient_norm, options_.max_norm);
  // A damaged loss ends the run in the loop; the weights stay those of the last good step.
  if (!std::isfinite(report.loss_sum)) return report;
  optimizer_.step(gradients, learning_rate);
  if (options_.loss) options_.loss->step(learning_rate);
  return report;
}

StepReport OrdinaryStep::run_in_parallel(const LogicalBatch& batch, double learning_rate) {
  std::vector<at::Tensor> gradients;
  const double loss = backward(batch, static_cast<double>(batch_examples_), gradients);
  // Which parameters have a gradient anywhere: the others must stay as they are everywhere.
  std::vector<double> counts = {loss, static_cast<double>(batch.indices.size())};
  for (const at::Tensor& gradient : gradients) counts.push_back(gradient.defined() ? 1 : 0);
  parallel_->add_up(counts);
  StepReport report;
  report.loss_sum = counts[0];
  report.examples = static_cast<std::int64_t>(counts[1]);
  if (!std::isfinite(report.loss_sum)) return report;

  parallel_->reduce(gradients);
  std::vector<at::Tensor> moved;
  if (parallel_->sharded()) {
    moved = parallel_->owned_gradients();
    std::vector<double> squared = {squared_norm(moved)};
    parallel_->add_up(squared);
    report.gradient_norm = std::sqrt(squared[0]);
    for (std::size_t i = 0; i < moved.size(); ++i) {
      if (counts[2 + parallel_->pieces()[i].parameter] == 0) moved[i] = at::Tensor();
    }
  } else {
    moved = parallel_->gather();
    report.gradient_norm = std::sqrt(squared_norm(moved));
    for (std::size_t i = 0; i < moved.size(); ++i) {
      if (counts[2 + i] == 0) moved[i] = at::Tensor();
    }
  }
  limit_norm(moved, report.gradient_norm, options_.max_norm);
  optimizer_.step(moved, learning_rate);
  if (parallel_->sharded()) parallel_->gather_parameters();
  return report;
}

void OrdinaryStep::prepare_save() {
  if (parallel_ && parallel_->sharded()) saved_state_ = parallel_->whole_state(optimizer_);
}

Json OrdinaryStep::save(const std::filesystem::path& folder) const {
  const bool sharded = parallel_ != nullptr && parallel_->sharded();
  write_tensors(folder / "optimizer.safetensors", sharded ? saved_state_ : optimizer_.state());
  if (options_.loss) options_.loss->save(folder);
  return {{"kind", "ordinary"}, {"optimizer", optimizer_name(options_.optimizer.kind)}};
}

void OrdinaryStep::load(const std::filesystem::path& folder, const Json& state) {
  if (state.value("kind", "") != "ordinary" ||
      state.value("optimizer", "") != optimizer_name(options_.optimizer.kind)) {
    throw bad_data(folder.string() + ": the checkpoint was written by another optimiser",
                   "Resume with the configuration that the run began with.");
  }
  if (options_.loss) options_.loss->load(folder);
  if (!parallel_) return optimizer_.load(read_tensors(folder / "optimizer.safetensors"));
  ProcessGroup& group = *options_.parallel->group;
  NamedTensors tensors;
  if (group.leads()) tensors = read_tensors(folder / "optimizer.safetensors");
  parallel_->load_state(optimizer_, share_tensors(group, std::move(tensors)));
}

}  // namespace discreet::nn
