// Training by several processes: the same model as by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../dp/small_model.h"
#include "discreet/nn/ordinary_step.h"
#include "ranks.h"

namespace discreet::nn {
namespace {

using dp::testing::random_examples;
using dp::testing::small_model;
using testing::run_ranks;

/// Trains a small model for some steps; what every process then has is compared by the caller.
struct OrdinaryRun {
  OptimizerKind optimizer = OptimizerKind::kAdam;
  std::int64_t batch_size = 5;
  double max_norm = 0;
  bool sharded = false;
  std::int64_t part_tokens = 0;  // 0: a batch is one part

  struct End {
    at::Tensor weights;
    std::int64_t longest_part = 0;  // tokens
    std::vector<double> losses, norms;
  };

  End run(std::shared_ptr<ProcessGroup> group, std::int64_t steps) const {
    const auto model = small_model("bilstm-crf", at::kFloat, 0.2);
    const std::vector<std::int64_t> lengths{3, 1, 12, 1, 7, 5, 2, 4, 6, 3, 2};
    const EncodedExamples data = random_examples(lengths, 21);
    auto parallel = std::make_shared<ParallelRun>();
    parallel->group = group;
    parallel->sharded_optimizer = sharded;
    OrdinaryStepOptions options{.examples = data.size(), .batch_size = batch_size, .seed = 3,
                                .max_norm = max_norm, .parallel = parallel};
    options.optimizer.kind = optimizer;
    if (part_tokens > 0) options.lengths = lengths;
    options.part_tokens = part_tokens;
    End end;
    const auto collate_part = [&](std::span<const std::int64_t> indices, std::span<const std::int64_t> offsets) {
      std::int64_t tokens = 0;
      for (const std::int64_t i : indices) tokens += lengths[static_cast<std::size_t>(i)];
      end.longest_part = std::max(end.longest_part, tokens);
      return collate(data, indices, offsets);
    };
    OrdinaryStep step(*model, collate_part, options);
    for (std::int64_t number = 0; number < steps; ++number) {
      // Adam divides by the gradient's size, and so by rounding where there is hardly a gradient.
      const double rate = optimizer == OptimizerKind::kAdamW ? 1e-4 : 0.01;
      const StepReport report = step.run(step.sample(number), rate);
      end.losses.push_back(report.loss_sum);
      end.norms.push_back(report.gradient_norm);
    }
    std::vector<at::Tensor> pieces;
    for (const auto& [name, parameter] : trainable_parameters(*model)) {
      pieces.push_back(parameter.detach().flatten().clone());
    }
    end.weights = at::cat(pieces);
    return end;
  }
};

TEST(DataParallel, OrdinaryTrainingIsTheSameForAnyNumberOfProcesses) {
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kMomentum, OptimizerKind::kAdamW}) {
    // Batches of 5 and, at the end of an epoch, of 1: then some processes have nothing.
    const OrdinaryRun one{.optimizer = kind, .max_norm = kind == OptimizerKind::kSgd ? 0.5 : 0.0};
    const auto expected = one.run(make_lonely_group(), 7);
    for (const int size : {2, 4}) {
      for (const bool sharded : {false, true}) {
        OrdinaryRun many = one;
        many.sharded = sharded;
        run_ranks(size, [&](std::shared_ptr<ProcessGroup> group) {
          const auto end = many.run(group, 7);
          EXPECT_LE((end.weights - expected.weights).abs().max().item<double>(), 1e-6)
              << optimizer_name(kind) << " " << size << " " << sharded;
          for (std::size_t i = 0; i < 7; ++i) {
            EXPECT_NEAR(end.losses[i], expected.losses[i], 1e-4);
            EXPECT_NEAR(end.norms[i], expected.norms[i], 1e-5);
          }
        });
      }
    }
  }
}

TEST(OrdinaryStep, PhysicalPartsChangeRoundingAlone) {
  // With dropout, whose masks go by an example's place, and a bound on the norm of the whole batch's gradient.
  const OrdinaryRun whole{.optimizer = OptimizerKind::kMomentum, .batch_size = 6, .max_norm = 0.5};
  const auto expected = whole.run(make_lonely_group(), 6);
  EXPECT_GT(expected.longest_part, 13);
  for (const std::int64_t tokens : {1, 5, 13}) {
    OrdinaryRun parts = whole;
    parts.part_tokens = tokens;
    const auto end = parts.run(make_lonely_group(), 6);
    EXPECT_LE(end.longest_part, std::max<std::int64_t>(tokens, 12)) << "an example of 12 tokens is a part by itself";
    EXPECT_LE((end.weights - expected.weights).abs().max().item<double>(), 1e-6) << tokens;
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(end.losses[i], expected.losses[i], 1e-4);
      EXPECT_NEAR(end.norms[i], expected.norms[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace discreet::nn
