#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/nn/batch.h"
#include "discreet/nn/model.h"
#include "discreet/nn/optimizer.h"
#include "discreet/nn/stacked/pass.h"

namespace discreet::nn {

/// What K models have in common. Kinds: "bow" (with frozen vectors: linear or deeper heads on word
/// vectors that stay as they are), "lstm", "bilstm"; pooling "mean"; intents alone; no dropout.
struct StackedSpec {
  ModelSpec model;
  ModelSizes sizes;
  at::Tensor vectors;                ///< [vocabulary, d] to start from, or undefined.
  std::vector<std::uint64_t> seeds;  ///< One for each model: its start values.
};

/// A data set as the models of one `StackedModel` take it; shared by all of them.
struct StackedData {
  EncodedExamples examples;
  at::Tensor features;  ///< [N, d] where all models have the same frozen vectors, else undefined.
  stacked::DataView view;
};

/// K models of one shape with their parameters in tensors of one more, leading dimension.
///
/// Model k starts as nn::make_model with the generator (seed k, "parameters") does, has parameters
/// of the same names, and computes the same up to rounding.
class StackedModel {
 public:
  /// Throws: kUsage naming what a stacked model cannot have.
  explicit StackedModel(const StackedSpec& spec);

  std::int64_t models() const { return models_; }
  const stacked::Shape& shape() const { return shape_; }
  /// All parameters, [K, …] each.
  const NamedTensors& parameters() const { return parameters_; }
  /// Those of one model: views.
  NamedTensors parameters_of(std::int64_t model) const;
  /// Pointers to the same.
  std::vector<float*> pointers_of(std::int64_t model) const;
  /// A model of its own with the values of model k.
  std::shared_ptr<Model> extract(std::int64_t model) const;

  std::shared_ptr<const StackedData> prepare(EncodedExamples examples) const;

  /// Logits of all models on the same examples: [K, examples, intents]. Parallel over models.
  at::Tensor logits(const StackedData& data, std::span<const std::int64_t> examples) const;

 private:
  std::shared_ptr<Model> make_one(std::uint64_t seed) const;

  StackedSpec spec_;
  std::int64_t models_;
  stacked::Shape shape_;
  NamedTensors parameters_;
  at::Tensor frozen_table_;  // [V, d] or undefined
};

}  // namespace discreet::nn
