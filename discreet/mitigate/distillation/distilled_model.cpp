#include "discreet/mitigate/distillation/distilled_model.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/nn/hidden_rows.h"

namespace discreet::mitigate {
namespace {

void check_weights(const DistillationWeights& w) {
  for (const double weight : {w.soft, w.hard, w.hidden_cosine, w.hidden_squared}) {
    if (!(weight >= 0)) throw usage_error("a weight of the distillation loss is negative");
  }
  if (w.soft + w.hard + w.hidden_cosine + w.hidden_squared == 0) {
    throw usage_error("all weights of the distillation loss are 0", "Set distill.soft or distill.hard.");
  }
  if (!(w.temperature > 0)) throw usage_error("distill.temperature must be above 0");
}

/// Places in the data of a batch's rows.
std::vector<std::int64_t> rows_of(const std::vector<std::int64_t>& offsets, const nn::PackedBatch& batch,
                                  const std::vector<std::int64_t>& batch_offsets) {
  std::vector<std::int64_t> rows;
  rows.reserve(static_cast<std::size_t>(batch_offsets.back()));
  for (std::size_t b = 0; b < batch.indices.size(); ++b) {
    const auto example = static_cast<std::size_t>(batch.indices[b]);
    const std::int64_t length = batch_offsets[b + 1] - batch_offsets[b];
    if (example + 1 >= offsets.size() || offsets[example + 1] - offsets[example] != length) {
      throw internal_error("a teacher's outputs are not of the examples of the batch");
    }
    for (std::int64_t row = 0; row < length; ++row) rows.push_back(offsets[example] + row);
  }
  return rows;
}

}  // namespace

at::Tensor TeacherTargets::scores(std::span<const std::int64_t> rows, at::Device device) const {
  const TeacherOutputs first = original->outputs(rows, device);
  if (combination == "none") return target_scores(first, first, {}, combination, on);
  std::vector<std::int64_t> others;
  at::Tensor kept = at::empty({static_cast<std::int64_t>(rows.size())}, at::kBool);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int64_t other = aligned[static_cast<std::size_t>(rows[i])];
    kept.data_ptr<bool>()[i] = other >= 0;
    others.push_back(std::max<std::int64_t>(0, other));
  }
  return target_scores(first, reversed->outputs(others, device), kept.to(device), combination, on);
}

DistilledModel::DistilledModel(std::shared_ptr<nn::Model> student, TeacherTargets targets, DistillationWeights weights)
    : student_(std::move(student)), targets_(std::move(targets)), weights_(weights) {
  check_weights(weights_);
  // The student's parts under their own names: what goes by names (rates, checkpoints) sees no difference.
  for (const auto& child : student_->named_children()) register_module(child.key(), child.value());
  for (const auto& parameter : student_->named_parameters(false)) {
    register_parameter(parameter.key(), parameter.value(), parameter.value().requires_grad());
  }
  move_to(student_->device());
  train();
}

void DistilledModel::train(bool on) {
  Module::train(on);
  student_->train(on);
}

nn::ModelOutput DistilledModel::compute(const nn::PackedBatch& batch) {
  const nn::DropoutKey key = dropout_key(0);
  student_->set_dropout(key.seed, key.step);
  if (!is_training()) return student_->forward(batch);
  // The student may have been evaluated since, by its own handle.
  student_->train();
  nn::PackedBatch bare = batch;
  bare.tags = bare.intent = at::Tensor();
  const bool hidden = weights_.hidden_cosine > 0 || weights_.hidden_squared > 0;
  std::optional<nn::HiddenRowsScope> scope;
  if (hidden) scope.emplace();
  nn::ModelOutput out = student_->forward(bare);

  const bool classes = out.intent_logits.defined();
  const at::Tensor logits = classes ? out.intent_logits : out.emissions;
  const at::Tensor labels = classes ? batch.intent : batch.tags;
  std::vector<std::int64_t> offsets = batch.offsets;
  if (classes) std::iota(offsets.begin(), offsets.end(), 0);
  const std::vector<std::int64_t> rows = rows_of(targets_.offsets, batch, offsets);
  if (logits.size(1) != targets_.original->shape().vocabulary) {
    throw usage_error(fmt::format("the student predicts {} tokens or classes, the teacher {}", logits.size(1),
                                  targets_.original->shape().vocabulary),
                      "Take the teacher's tokenizer and labels for the student.");
  }
  out.loss = distillation_loss(
      logits, labels, offsets,
      [&](std::int64_t begin, std::int64_t end) {
        return targets_.scores(std::span(rows).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                               logits.device());
      },
      weights_);
  if (!hidden) return out;
  const at::Tensor teacher = targets_.original->hidden(rows);
  if (!scope->rows().defined() || scope->rows().size(1) != teacher.size(1)) {
    throw usage_error(fmt::format("hidden rows of the student have {} values, those of the teacher {}",
                                  scope->rows().defined() ? scope->rows().size(1) : 0, teacher.size(1)),
                      "The hidden-state loss needs a student of the teacher's width; set its weights to 0.");
  }
  out.loss = out.loss + hidden_loss(scope->rows(), teacher, labels, offsets, weights_);
  return out;
}

}  // namespace discreet::mitigate
