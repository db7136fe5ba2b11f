#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/optimizer.h"
#include "discreet/nn/step.h"
#include "discreet/nn/token_batches.h"

namespace discreet::nn {

class LossRule;

struct OrdinaryStepOptions {
  std::int64_t examples = 0;    ///< In the training set.
  std::int64_t batch_size = 32;
  std::uint64_t seed = 0;       ///< Shuffles and dropout masks.
  double max_norm = 0;          ///< The mean gradient is scaled down to this norm; 0: left alone.
  OptimizerOptions optimizer;
  std::shared_ptr<ParallelRun> parallel;  ///< Null: this process works alone.
  std::shared_ptr<LossRule> loss;         ///< Null: the model's own. A rule sees its batch whole.
  std::vector<std::int64_t> lengths;      ///< [examples] tokens of each; empty: a batch is one physical part.
  std::int64_t part_tokens = kPhysicalTokens;  ///< Tokens that one physical part may hold, unless one example has more.
};

/// Training without privacy: epochs of shuffled batches, the mean gradient, one update.
///
/// Which examples step n takes is a function of seed and n alone: epoch n / steps_per_epoch is a
/// permutation of all examples, cut into batches of batch_size, the last one shorter. So a resumed
/// run takes the same batches, and nothing of the sampler needs saving. Several processes share each
/// batch; the mean is over all of it, so that their number changes rounding alone.
class OrdinaryStep : public Step {
 public:
  using Collate = std::function<PackedBatch(std::span<const std::int64_t> indices,
                                            std::span<const std::int64_t> segment_offsets)>;

  /// `model` must outlive the step. Throws: kUsage if there are no examples or nothing to train.
  OrdinaryStep(Model& model, Collate collate, const OrdinaryStepOptions& options);

  LogicalBatch sample(std::int64_t number) override;
  StepReport run(const LogicalBatch& batch, double learning_rate) override;
  std::optional<double> epsilon(std::int64_t steps) const override { return std::nullopt; }
  void prepare_save() override;
  Json save(const std::filesystem::path& folder) const override;
  void load(const std::filesystem::path& folder, const Json& state) override;

  std::int64_t steps_per_epoch() const;

 private:
  /// Sum of the losses of these examples, and the gradients of that sum over `divisor`.
  double backward(const LogicalBatch& batch, double divisor, std::vector<at::Tensor>& gradients);
  StepReport run_in_parallel(const LogicalBatch& batch, double learning_rate);

  Model& model_;
  Collate collate_;
  OrdinaryStepOptions options_;
  std::unique_ptr<DataParallel> parallel_;
  Optimizer optimizer_;
  NamedTensors saved_state_;         // whole, on the process that saves
  std::int64_t batch_examples_ = 0;  // of the batch drawn last, over all processes
  std::int64_t number_ = 0;
  std::int64_t epoch_ = -1;  // of order_
  std::vector<std::int64_t> order_;
};

/// The parameters of `model` that require a gradient, by name.
NamedTensors trainable_parameters(const Model& model);

}  // namespace discreet::nn
