#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "discreet/nn/optimizer.h"
#include "discreet/nn/step.h"

namespace discreet::nn {

struct ParallelRun;

/// A moving average of parameters: after each step a = d a + (1 - d) w, with d = decay, less at the
/// beginning (d <= (1 + t) / (10 + t) at step t), so that the start values leave it soon.
///
/// It is a function of the parameters that a private step released, and so costs no privacy.
/// Cost: one pass over the parameters per step, and one copy of them.
/// Ref: Polyak and Juditsky 1992; De et al. 2022, section 3.3 (private training).
class WeightAverage {
 public:
  /// Starts at the parameters' values. `decay` in [0, 1).
  WeightAverage(NamedTensors parameters, double decay);

  void update();
  /// The averages by parameter name, and "steps"; shares memory.
  NamedTensors state() const;
  /// Throws: kBadData if a tensor is missing or of another size.
  void load(const NamedTensors& state);

  /// While it lives, the parameters hold the averages.
  class InPlace {
   public:
    explicit InPlace(const WeightAverage& average);
    ~InPlace();
    InPlace(const InPlace&) = delete;
    InPlace& operator=(const InPlace&) = delete;

   private:
    const WeightAverage& average_;
    std::vector<at::Tensor> own_;
  };

 private:
  NamedTensors parameters_;
  std::vector<at::Tensor> averages_;
  double decay_;
  std::int64_t steps_ = 0;
};

/// A step that keeps a moving average of what another one trains. A checkpoint holds both: the
/// parameters themselves in model.safetensors, their averages in average.safetensors.
class AveragedStep final : public Step {
 public:
  /// `parameters`: what `step` moves. `parallel`: null for a process that works alone.
  AveragedStep(std::shared_ptr<Step> step, NamedTensors parameters, double decay,
               std::shared_ptr<ParallelRun> parallel = nullptr);

  LogicalBatch sample(std::int64_t number) override { return step_->sample(number); }
  StepReport run(const LogicalBatch& batch, double learning_rate) override;
  std::optional<double> epsilon(std::int64_t steps) const override { return step_->epsilon(steps); }
  std::optional<double> epsilon_as_published(std::int64_t steps) const override {
    return step_->epsilon_as_published(steps);
  }
  void prepare_save() override { step_->prepare_save(); }
  Json save(const std::filesystem::path& folder) const override;
  void load(const std::filesystem::path& folder, const Json& state) override;
  void go_on(std::int64_t step, std::int64_t lost) override { step_->go_on(step, lost); }

  const WeightAverage& average() const { return average_; }
  /// The step whose weights are averaged.
  Step& averaged() { return *step_; }

 private:
  std::shared_ptr<Step> step_;
  WeightAverage average_;
  std::shared_ptr<ParallelRun> parallel_;
};

}  // namespace discreet::nn
