#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "discreet/dp/plan.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/step.h"
#include "discreet/nn/token_batches.h"

namespace discreet::dp {

/// How a private step works, apart from the guarantee.
struct PrivateStepOptions {
  nn::OptimizerOptions optimizer;
  RuleOptions rules;
  /// Tokens that one physical part may hold; a segment that is longer comes in pieces of whole examples.
  std::int64_t part_tokens = nn::kPhysicalTokens;
  /// Unit user: examples that a user may give to one step, drawn anew each step.
  std::int64_t user_examples = 16;
  /// Dropout masks and the choice of a user's examples, with an insecure seed; a secure run draws a
  /// secret one.
  std::uint64_t seed = 0;
  std::shared_ptr<nn::ParallelRun> parallel;  ///< Null: this process works alone.
};

/// DP-SGD, eDP-SGD and DP-Adam(W) as a `Step` for the training loop: Poisson sampling of units, segments
/// of one unit or of a slot's units, physical parts by token budget, clipping by segments, noise once per
/// logical step, a public divisor. An empty batch is a full step of noise.
///
/// With slots a segment is the mean over its examples: each loss is divided by how many examples fell
/// into the slot, which the clipping that follows makes harmless.
class PrivateStep final : public nn::Step {
 public:
  using Collate = std::function<nn::PackedBatch(std::span<const std::int64_t> indices,
                                                std::span<const std::int64_t> segment_offsets)>;
  /// Appends and syncs a step's event before its update takes effect.
  using Charge = std::function<void(std::uint64_t step, const privacy::Event& event)>;

  /// The data as the step sees it.
  struct Data {
    std::vector<std::int64_t> lengths;                 ///< [N] tokens of each example.
    std::vector<std::vector<std::int64_t>> user_examples;  ///< Unit user: examples of each user.
    Collate collate;
  };

  /// `model` must outlive the step. Throws: kUsage if the data do not have the plan's number of units
  /// or nothing is trainable.
  /// Of several, `charge` should write where the process is rank 0, and do nothing elsewhere.
  PrivateStep(nn::Model& model, std::unique_ptr<PrivatePlan> plan, Data data,
              PrivateStepOptions options, Charge charge);
  ~PrivateStep() override;

  /// Collective over the processes of a run.
  nn::LogicalBatch sample(std::int64_t number) override;
  nn::StepReport run(const nn::LogicalBatch& batch, double learning_rate) override;
  std::optional<double> epsilon(std::int64_t steps) const override;
  std::optional<double> epsilon_as_published(std::int64_t steps) const override;
  void prepare_save() override;
  Json save(const std::filesystem::path& folder) const override;
  void load(const std::filesystem::path& folder, const Json& state) override;
  void go_on(std::int64_t step, std::int64_t lost) override { plan_->go_on(step, lost); }

  PrivatePlan& plan() { return *plan_; }
  const nn::Optimizer& optimizer() const { return optimizer_; }
  const SegmentClipper& clipper() const { return *clipper_; }

 private:
  std::int64_t tokens_of(const nn::LogicalBatch& batch, std::int64_t position) const;
  void add_slots(const std::vector<std::uint64_t>& units, nn::LogicalBatch& batch);
  void add_examples(std::uint64_t unit, nn::LogicalBatch& batch) const;
  /// Segments first .. last of the batch as one physical part.
  void run_part(const nn::LogicalBatch& batch, std::size_t first, std::size_t last,
                nn::StepReport& report);
  /// One segment in pieces of whole examples.
  void run_pieces(const nn::LogicalBatch& batch, std::size_t segment, nn::StepReport& report);
  /// Forward and backward pass over the positions begin .. end of the batch.
  void run_examples(const nn::LogicalBatch& batch, std::int64_t begin, std::int64_t end,
                    std::span<const std::int64_t> offsets, nn::StepReport& report);
  /// What the loss of each position counts: one over the examples of its slot, or 1.
  double weight_of(const nn::LogicalBatch& batch, std::size_t segment) const;
  void count_norms(nn::StepReport& report) const;

  nn::Model& model_;
  std::unique_ptr<PrivatePlan> plan_;
  Data data_;
  PrivateStepOptions options_;
  Charge charge_;
  std::unique_ptr<nn::DataParallel> parallel_;
  nn::Optimizer optimizer_;
  nn::NamedTensors saved_state_;  // whole, on the process that saves
  std::unique_ptr<SegmentClipper> clipper_;
  std::int64_t number_ = 0;
  bool checked_apart_ = false;  // that examples do not mix: seen once, on a part of two or more
};

}  // namespace discreet::dp
