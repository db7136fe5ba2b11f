#pragma once

#include <filesystem>
#include <vector>

#include "discreet/nn/model.h"

namespace discreet::nn {

/// What an ordinary step minimises instead of the model's own loss. May have parameters of its own.
class LossRule {
 public:
  virtual ~LossRule() = default;
  /// One forward pass of `model`: the losses of the batch's examples, [B].
  virtual at::Tensor losses(Model& model, const PackedBatch& batch) = 0;
  /// After the backward pass of the losses' mean, unless that was not finite: moves its own parameters.
  virtual void step(double learning_rate) { static_cast<void>(learning_rate); }
  /// Its own state, beside a checkpoint's other files.
  virtual void save(const std::filesystem::path& folder) const { static_cast<void>(folder); }
  virtual void load(const std::filesystem::path& folder) { static_cast<void>(folder); }
};

/// The model's loss, each example's multiplied by its weight, `weights` [M] by its place in the data set.
class WeightedLoss final : public LossRule {
 public:
  explicit WeightedLoss(std::vector<double> weights) : weights_(std::move(weights)) {}
  at::Tensor losses(Model& model, const PackedBatch& batch) override;

 private:
  std::vector<double> weights_;
};

}  // namespace discreet::nn
