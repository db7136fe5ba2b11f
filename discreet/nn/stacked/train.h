#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "discreet/nn/schedule.h"
#include "discreet/nn/stacked/model.h"

namespace discreet::nn {

/// What is one model's own in training.
struct StackedMember {
  std::vector<std::int64_t> examples;  ///< Its part of the data: places in the data set.
  std::uint64_t seed = 0;              ///< Its order of examples.
  double learning_rate = 1e-3;         ///< At the peak of the schedule.
};

struct StackedTrainOptions {
  std::int64_t batch_size = 32;
  OptimizerOptions optimizer;
  Schedule schedule;    ///< Its peak is each member's own.
  double max_norm = 0;  ///< The mean gradient is scaled down to this norm; 0: left alone.
};

/// Trains the models of a stack, each on its own examples: model k takes the steps of an
/// OrdinaryStep on its examples with its seed, so that it ends, up to rounding, where it would have
/// ended alone. Parallel over models; the number of threads does not change a bit of the result.
class StackedTrainer {
 public:
  /// Both must outlive the trainer. Throws: kUsage if members and models do not agree, or a member
  /// has no examples.
  StackedTrainer(StackedModel& model, std::shared_ptr<const StackedData> data,
                 std::vector<StackedMember> members, const StackedTrainOptions& options);
  ~StackedTrainer();

  /// One step of each model. Returns the mean loss of each model's batch, [K].
  std::vector<double> step();
  std::int64_t steps() const { return steps_; }

  /// Parameters, moments and steps, for checkpoints: "<model>/<name>"; shares memory where it can.
  NamedTensors state() const;
  /// Throws: kBadData if a tensor is missing or of another size; then nothing was loaded.
  void load(const NamedTensors& state);

 private:
  struct Worker;
  double step_of(std::int64_t model, Worker& worker);
  void update_touched(std::size_t model, std::size_t table, Worker& worker);
  std::span<const std::int64_t> batch_of(std::size_t model);

  StackedModel& model_;
  std::shared_ptr<const StackedData> data_;
  std::vector<StackedMember> members_;
  StackedTrainOptions options_;
  std::vector<Optimizer> optimizers_;
  std::vector<std::vector<std::int64_t>> orders_;  // of each member's epoch
  std::vector<std::int64_t> epochs_;
  /// Of each model, a flag for each row of the word table that a step has touched; empty: all rows count as touched.
  std::vector<std::vector<std::uint8_t>> touched_;
  std::vector<std::unique_ptr<Worker>> workers_;  // one for each thread
  std::int64_t steps_ = 0;
};

namespace stacked {

/// Gradients of one model, one buffer per parameter; the table's is zero wherever no pass touched
/// it.
class GradientBuffers {
 public:
  explicit GradientBuffers(const Shape& shape);
  std::span<float* const> pointers() const { return pointers_; }
  const std::vector<at::Tensor>& tensors() const { return tensors_; }
  /// Zeros the rows of the table that `pass` touched.
  void clear(const Pass& pass);

 private:
  std::vector<at::Tensor> tensors_;  // [numel]
  std::vector<float*> pointers_;
};

}  // namespace stacked
}  // namespace discreet::nn
