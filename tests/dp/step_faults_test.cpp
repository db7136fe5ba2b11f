// A whole private step on what data and configurations can do to it at worst.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>

#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
#include "discreet/privacy/ledger.h"
#include "small_model.h"
#include "tests/core/temporary_folder.h"

namespace discreet::dp {
namespace {

using testing::random_examples;
using testing::small_model;
using testing::trainable_of;

/// A model of `kind` on examples of `lengths`, with a step by `privacy`.
struct Case {
  std::string kind = "bilstm";
  std::vector<std::int64_t> lengths{3, 0, 5, 0, 2, 1, 4, 6};
  PrivacyOptions privacy{.units = 8, .expected_batch_size = 4, .steps = 10, .clip_norm = 0.7,
                         .noise_multiplier = 0.0, .insecure_seed = 5};
  PrivateStep::Charge charge = nullptr;
  std::shared_ptr<nn::Model> model{};
  nn::EncodedExamples data{};

  std::unique_ptr<PrivateStep> make() {
    model = small_model(kind, at::kFloat);
    data = random_examples(lengths, 21);
    privacy.units = lengths.size();
    return std::make_unique<PrivateStep>(
        *model, make_plan(privacy),
        PrivateStep::Data{lengths, {}, [this](auto indices, auto offsets) {
                            return nn::collate(data, indices, offsets);
                          }},
        PrivateStepOptions{}, charge);
  }
  nn::LogicalBatch batch(std::vector<std::int64_t> indices) const {
    std::vector<std::int64_t> offsets(indices.size() + 1);
    for (std::size_t i = 0; i < offsets.size(); ++i) offsets[i] = static_cast<std::int64_t>(i);
    return {std::move(indices), std::move(offsets), [this](auto chosen, auto segments) {
              return nn::collate(data, chosen, segments);
            }};
  }
  at::Tensor weights() const {
    std::vector<at::Tensor> pieces;
    for (const auto& [name, parameter] : trainable_of(*model)) pieces.push_back(parameter.detach().flatten().clone());
    return at::cat(pieces).to(at::kDouble);
  }
  /// The step's change without noise, at rate 1, against the loop over batches of one.
  void expect_clipped_sum(const std::vector<std::int64_t>& indices, const std::string& what) {
    const auto step = make();
    step->sample(0);
    const at::Tensor before = weights();
    const auto report = step->run(batch(indices), 1);
    const at::Tensor change = weights() - before;
    ASSERT_TRUE(at::isfinite(change).all().item<bool>()) << what;
    EXPECT_EQ(report.examples, static_cast<std::int64_t>(indices.size())) << what;
    EXPECT_EQ(report.non_finite, 0) << what;
    const auto fresh = small_model(kind, at::kFloat);
    at::Tensor expected = at::zeros_like(change);
    for (const std::int64_t i : indices) {
      const at::Tensor gradient = testing::plain_gradient(*fresh, data, {i});
      expected += gradient * clip_factor(gradient.norm().item<double>(), privacy.clip_norm);
    }
    EXPECT_LE((change + expected / privacy.expected_batch_size).abs().max().item<double>(), 1e-5) << what;
  }
};

TEST(StepFaults, SequencesWithoutATokenAreExamplesLikeOthers) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    Case one{.kind = entry->name};
    one.expect_clipped_sum({0, 1, 2, 3, 4, 5, 6, 7}, entry->name + ": some are empty");
    one.expect_clipped_sum({1, 0}, entry->name + ": the first is empty");
    one.expect_clipped_sum({0, 3}, entry->name + ": the last is empty");
    one.lengths = {0, 0, 0, 2};  // tags of the data say that there are tags
    one.privacy.expected_batch_size = 2;
    one.expect_clipped_sum({0, 1, 2}, entry->name + ": all are empty");
  }
}

TEST(StepFaults, OneExampleABatchIsABatch) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    Case one{.kind = entry->name};
    one.privacy.expected_batch_size = 1;
    for (const std::int64_t i : {0, 1, 5}) one.expect_clipped_sum({i}, entry->name + " " + std::to_string(i));
  }
  Case only{.lengths = {4}};
  only.privacy.expected_batch_size = 1;  // every unit in every step
  only.expect_clipped_sum({0}, "a data set of one example");
}

TEST(StepFaults, ExpectedBatchesOfNothingAreRefused) {
  tensor_registry();
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  for (const char* mechanism : {"dp-sgd", "edp-sgd", "dp-ftrl"}) {
    for (const double batch : {0.0, -1.0, 8.5, nan, infinity}) {
      Case one;
      one.privacy.mechanism = mechanism;
      one.privacy.noise_multiplier = 1.0;
      one.privacy.expected_batch_size = batch;
      if (one.privacy.mechanism == "edp-sgd") one.privacy.slots = 2;
      try {
        one.make();
        ADD_FAILURE() << mechanism << " took batches of " << batch;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kUsage) << mechanism << " " << batch << ": " << error.what();
      }
    }
  }
}

/// Whatever was drawn, a step is charged and noised, and the divisor is the public one.
TEST(StepFaults, AnEmptyDrawIsAChargedStepOfNoise) {
  for (const std::int64_t slots : {0, 3}) {
    for (const char* rule : {"flat", "adaptive"}) {
      Case one;
      std::vector<std::uint64_t> charged;
      one.charge = [&](std::uint64_t step, const privacy::Event&) { charged.push_back(step); };
      one.privacy.mechanism = slots > 0 ? "edp-sgd" : "dp-sgd";
      one.privacy.slots = slots;
      one.privacy.clipping.rule = rule;
      one.privacy.noise_multiplier = 1.0;
      one.privacy.expected_batch_size = 1e-9;
      const auto step = one.make();
      const at::Tensor before = one.weights();
      const nn::LogicalBatch batch = step->sample(0);
      ASSERT_TRUE(batch.indices.empty());
      const auto report = step->run(batch, 1e-9);
      EXPECT_EQ(report.examples, 0);
      EXPECT_EQ(report.loss_sum, 0);
      EXPECT_EQ(charged, std::vector<std::uint64_t>{0});
      const at::Tensor change = one.weights() - before;
      EXPECT_TRUE(at::isfinite(change).all().item<bool>());
      if (slots == 0) {
        EXPECT_GT(at::count_nonzero(change).item<std::int64_t>(), change.numel() / 2);
      }
    }
  }
}

TEST(StepFaults, WithoutNoiseEpsilonIsInfiniteAndNothingIsGuaranteed) {
  for (const char* mechanism : {"dp-sgd", "edp-sgd", "dp-ftrl"}) {
    Case one;
    one.privacy.mechanism = mechanism;
    one.privacy.noise_multiplier = 0.0;
    one.privacy.insecure_seed.reset();
    one.privacy.slots = one.privacy.mechanism == "edp-sgd" ? 2 : 0;
    const auto step = one.make();
    EXPECT_TRUE(std::isinf(step->epsilon(1).value())) << mechanism;
    const auto statement = privacy::state_privacy(step->plan().describe(10, 100));
    EXPECT_FALSE(statement.document["guarantee"].get<bool>()) << mechanism;
    EXPECT_EQ(statement.document["epsilon"], "inf") << mechanism;
    EXPECT_NE(statement.words.find("Nothing is guaranteed"), std::string::npos) << statement.words;
    const bool warned = std::any_of(statement.warnings.begin(), statement.warnings.end(), [](const auto& warning) {
      return warning.find("without noise there is no guarantee") != std::string::npos;
    });
    EXPECT_TRUE(warned) << mechanism;
  }
}

TEST(StepFaults, ADeltaThatAllowsReleasingAUnitIsWarnedAbout) {
  for (const double delta : {0.124, 0.125, 0.2}) {
    Case one;
    one.privacy.noise_multiplier = 1.0;
    one.privacy.delta = delta;
    const auto statement = privacy::state_privacy(one.make()->plan().describe(10, 100));
    const bool warned = std::any_of(statement.warnings.begin(), statement.warnings.end(),
                                    [](const auto& warning) { return warning.find("1/n") != std::string::npos; });
    EXPECT_EQ(warned, delta >= 0.125) << delta;
  }
}

/// Killed after the ledger has the step and before the weights have it: the weights are those of the step
/// before, and what is reported of the ledger is never less than what was spent.
TEST(StepFaults, BetweenLedgerAndWeightsNothingIsLost) {
  for (const char* mechanism : {"dp-sgd", "edp-sgd", "dp-ftrl"}) {
    const core::TemporaryFolder folder;
    const auto path = folder / "ledger.jsonl";
    int left = 3;
    Case one;
    one.privacy.mechanism = mechanism;
    one.privacy.noise_multiplier = 1.0;
    one.privacy.slots = one.privacy.mechanism == "edp-sgd" ? 2 : 0;
    one.charge = [&](std::uint64_t step, const privacy::Event& event) {
      std::ofstream(path, std::ios::app) << privacy::ledger_line(step, event).dump() << "\n";
      if (left-- == 0) throw runtime_failure("killed");
    };
    const auto step = one.make();
    std::int64_t done = 0;
    at::Tensor last;
    try {
      for (;; ++done) {
        last = one.weights();
        step->run(step->sample(done), 0.1);
      }
    } catch (const Error& error) {
      EXPECT_STREQ(error.what(), "killed");
    }
    EXPECT_EQ(done, 3) << mechanism;
    EXPECT_TRUE(at::equal(one.weights(), last)) << mechanism << ": the step that was cut off moved the weights";
    const privacy::LedgerSum ledger = privacy::read_ledger(path);
    EXPECT_EQ(ledger.lines, 4U) << mechanism;
    const double spent = privacy::make_accountant("rdp")->epsilon(ledger.event, privacy::Delta(1e-5)).guarantee();
    EXPECT_GE(spent, step->epsilon(done).value() * (1 - 1e-12)) << mechanism;
    EXPECT_NEAR(spent, step->epsilon(done + 1).value(), 1e-9 * spent) << mechanism;
    EXPECT_EQ(privacy::lost_steps(ledger, done), 1) << mechanism;
  }
}

}  // namespace
}  // namespace discreet::dp
