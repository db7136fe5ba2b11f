#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "discreet/dp/plan.h"
#include "discreet/nn/stacked/train.h"

namespace discreet::dp {

/// Adds the squared gradient norm of each example of a pass over all its parameters; in double.
void add_squared_norms(const nn::stacked::Pass& pass, std::span<double> squared);

struct StackedPrivateOptions {
  nn::OptimizerOptions optimizer;
  nn::Schedule schedule;  ///< Its peak is each member's own.
};

/// Trains the models of a stack privately, each on its own examples with its own plan: sampler,
/// clip norm, noise, divisor and account. Model k takes the steps of a PrivateStep with the same
/// plan on its examples: with an insecure seed it ends, up to rounding, where it would have ended
/// alone.
///
/// Guarantee: model k is private as its plan says, with respect to the examples of member k.
/// Members that share examples add up: several models of one data set cost the sum of their events.
/// The unit is the example. Clipping: rules with one norm and no counts (flat, auto-s, global).
class StackedPrivateTrainer {
 public:
  /// Appends and syncs a step's event of one model before its update takes effect.
  using Charge =
      std::function<void(std::int64_t model, std::uint64_t step, const privacy::Event& event)>;

  /// `model` must outlive the trainer. Throws: kUsage if members, plans and models do not agree, or
  /// a plan asks for what is not covered here.
  StackedPrivateTrainer(nn::StackedModel& model, std::shared_ptr<const nn::StackedData> data,
                        std::vector<nn::StackedMember> members,
                        std::vector<std::unique_ptr<PrivatePlan>> plans,
                        const StackedPrivateOptions& options, Charge charge);
  ~StackedPrivateTrainer();

  /// One logical step of each model.
  void step();
  std::int64_t steps() const { return steps_; }
  double epsilon(std::int64_t model) const;

 private:
  struct Worker;
  void step_of(std::size_t model, Worker& worker);

  nn::StackedModel& model_;
  std::shared_ptr<const nn::StackedData> data_;
  std::vector<nn::StackedMember> members_;
  std::vector<std::unique_ptr<PrivatePlan>> plans_;
  std::vector<std::unique_ptr<ClippingRule>> rules_;
  StackedPrivateOptions options_;
  Charge charge_;
  std::vector<nn::Optimizer> optimizers_;
  std::vector<std::unique_ptr<Worker>> workers_;  // one for each thread
  std::int64_t steps_ = 0;
};

}  // namespace discreet::dp
