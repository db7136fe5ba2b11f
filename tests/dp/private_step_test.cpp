#include "discreet/dp/private_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "discreet/nn/layers/embedding.h"
#include "small_model.h"

namespace discreet::dp {
namespace {

using testing::random_examples;
using testing::small_model;
using testing::trainable_of;

/// A private step over a small model, with everything that the tests vary.
struct StepFixture {
  PrivacyOptions privacy{.units = 8, .expected_batch_size = 3.5, .steps = 10, .clip_norm = 0.7,
                         .noise_multiplier = 1.0, .insecure_seed = 5};
  PrivateStepOptions options{};
  std::vector<std::int64_t> lengths{3, 1, 12, 1, 7, 5, 2, 4};
  std::vector<std::vector<std::int64_t>> users;
  std::string kind = "bilstm";
  double dropout = 0;
  std::vector<std::uint64_t> charged;
  std::shared_ptr<nn::Model> model;
  nn::EncodedExamples data;

  std::unique_ptr<PrivateStep> make() {
    model = small_model(kind, at::kFloat, dropout);
    model->train();
    data = random_examples(lengths, 21);
    PrivateStep::Data step_data{lengths, users, [this](auto indices, auto offsets) {
                                  return nn::collate(data, indices, offsets);
                                }};
    return std::make_unique<PrivateStep>(
        *model, std::make_unique<PrivatePlan>(privacy), std::move(step_data), options,
        [this](std::uint64_t step, const privacy::Event&) { charged.push_back(step); });
  }
  at::Tensor weights() const {
    std::vector<at::Tensor> pieces;
    for (const auto& [name, parameter] : trainable_of(*model)) {
      pieces.push_back(parameter.detach().flatten().clone());
    }
    return at::cat(pieces);
  }
};

nn::LogicalBatch batch_of(const StepFixture& fixture, std::vector<std::int64_t> indices,
                          std::vector<std::int64_t> offsets) {
  return {std::move(indices), std::move(offsets), [&fixture](auto chosen, auto segments) {
            return nn::collate(fixture.data, chosen, segments);
          }};
}

/// The change of the weights over one step of SGD with rate 1: minus the released mean.
at::Tensor change_of_step(StepFixture& fixture, std::vector<std::int64_t> indices,
                          nn::StepReport* report = nullptr) {
  const auto step = fixture.make();
  step->sample(0);
  std::vector<std::int64_t> offsets;
  for (std::size_t i = 0; i <= indices.size(); ++i) offsets.push_back(static_cast<std::int64_t>(i));
  const at::Tensor before = fixture.weights();
  const auto result = step->run(batch_of(fixture, std::move(indices), std::move(offsets)), 1);
  if (report != nullptr) *report = result;
  return fixture.weights() - before;
}

TEST(PrivateStep, AnEmptyBatchIsAFullNoisyStep) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    StepFixture fixture;
    fixture.kind = entry->name;
    nn::StepReport report;
    const at::Tensor change = change_of_step(fixture, {}, &report);
    EXPECT_EQ(report.examples, 0);
    EXPECT_EQ(fixture.charged, std::vector<std::uint64_t>{0});
    // Noise on every coordinate, embedding rows included: on the grid it is zero with a chance of at
    // most 4e-4, and of runs of eight none is zero.
    const std::int64_t still = change.numel() - at::count_nonzero(change).item<std::int64_t>();
    EXPECT_LE(still, 4e-4 * static_cast<double>(change.numel()) + 8) << entry->name;
    const at::Tensor runs = change.narrow(0, 0, change.numel() / 8 * 8).reshape({-1, 8}).abs().sum(1);
    EXPECT_EQ(at::count_nonzero(runs).item<std::int64_t>(), runs.numel()) << entry->name;
    const double deviation = 1.0 * 0.7 / 3.5;
    const double ratio = change.square().mean().item<double>() / (deviation * deviation);
    const double sigmas = 5.33 * std::sqrt(2.0 / static_cast<double>(change.numel()));
    EXPECT_NEAR(ratio, 1, sigmas) << entry->name;
  }
}

/// A model whose loss does not depend on its words still gets noise of the plan's size everywhere.
TEST(PrivateStep, NoiseHasThePlansSizeWhereTheGradientIsZero) {
  for (const double multiplier : {0.5, 4.0}) {
    for (const double batch : {1.0, 7.5}) {
      StepFixture fixture;
      fixture.privacy.noise_multiplier = multiplier;
      fixture.privacy.expected_batch_size = batch;
      const auto step = fixture.make();
      std::vector<double> squares;
      double sum = 0, count = 0;
      for (std::int64_t number = 0; number < 3; ++number) {
        step->sample(number);
        const at::Tensor before = fixture.weights();
        step->run(batch_of(fixture, {}, {0}), 1);
        const at::Tensor change = fixture.weights() - before;
        sum += change.to(at::kDouble).square().sum().item<double>();
        count += static_cast<double>(change.numel());
      }
      const double deviation = multiplier * 0.7 / batch;
      EXPECT_NEAR(sum / count / (deviation * deviation), 1, 5.33 * std::sqrt(2 / count));
    }
  }
}

TEST(PrivateStep, TheDivisorIsNeverTheActualBatch) {
  // Without noise: the mean over 2 and over 6 examples both divide by 3.5.
  for (const auto& indices : {std::vector<std::int64_t>{0, 2}, {0, 1, 2, 3, 4, 5}}) {
    StepFixture fixture;
    fixture.privacy.noise_multiplier = 0.0;
    const at::Tensor change = change_of_step(fixture, indices);
    at::Tensor expected;
    const auto fresh = small_model(fixture.kind, at::kFloat);
    for (const std::int64_t i : indices) {
      const at::Tensor gradient = testing::plain_gradient(*fresh, fixture.data, {i});
      const at::Tensor clipped = gradient * clip_factor(gradient.norm().item<double>(), 0.7);
      expected = expected.defined() ? expected + clipped : clipped;
    }
    const double error = (change.to(at::kDouble) + expected / 3.5).norm().item<double>();
    EXPECT_LE(error, 1e-5);
  }
}

TEST(PrivateStep, NoiseComesOncePerLogicalStepWhateverThePhysicalSplit) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    at::Tensor whole;
    for (const std::int64_t tokens : {1 << 20, 20, 9, 1}) {
      StepFixture fixture;
      // Parts differ by rounding, and on the grid a sum at a boundary may fall on either side.
      fixture.privacy.noise_protection = privacy::NoiseProtection::kNone;
      fixture.kind = entry->name;
      fixture.dropout = 0.2;
      fixture.options.part_tokens = tokens;
      const at::Tensor change = change_of_step(fixture, {0, 1, 2, 3, 4, 5, 6, 7});
      if (!whole.defined()) whole = change;
      EXPECT_LE((change - whole).abs().max().item<double>(), 2e-6) << entry->name << " " << tokens;
    }
  }
}

TEST(PrivateStep, ANonFiniteExampleIsCountedAndNeverReachesTheWeights) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    StepFixture fixture;
    fixture.kind = entry->name;
    const auto step = fixture.make();
    const std::int64_t poisoned = testing::kWords - 1;
    for (std::int64_t& token : fixture.data.tokens) token %= poisoned;
    fixture.data.tokens[5] = poisoned;  // a token of example 2
    at::Tensor table;
    for (auto& [name, parameter] : trainable_of(*fixture.model)) {
      if (parameter.size(0) == testing::kWords) table = parameter;
    }
    {
      at::NoGradGuard no_grad;
      table[poisoned].fill_(std::numeric_limits<double>::infinity());
    }
    step->sample(0);
    const auto report = step->run(batch_of(fixture, {0, 1, 2, 3}, {0, 1, 2, 3, 4}), 1);
    EXPECT_EQ(report.non_finite, 1);
    EXPECT_TRUE(std::isfinite(report.loss_sum));
    at::NoGradGuard no_grad;
    table[poisoned].zero_();
    EXPECT_TRUE(at::isfinite(fixture.weights()).all().item<bool>()) << entry->name;
  }
}

TEST(PrivateStep, AUserIsOneSegmentAndGivesAtMostKExamples) {
  StepFixture fixture;
  fixture.users = {{0, 1, 2}, {3}, {4, 5, 6, 7}};
  fixture.privacy.units = 3;
  fixture.privacy.expected_batch_size = 3;
  fixture.privacy.unit = privacy::Unit::kUser;
  fixture.options.user_examples = 2;
  const auto step = fixture.make();
  std::vector<int> seen(8, 0);
  for (std::int64_t number = 0; number < 40; ++number) {
    const nn::LogicalBatch batch = step->sample(number);
    ASSERT_EQ(batch.segment_offsets, (std::vector<std::int64_t>{0, 2, 3, 5}));
    for (std::size_t i = 0; i < batch.indices.size(); ++i) {
      ++seen[static_cast<std::size_t>(batch.indices[i])];
      const auto user = i < 2 ? 0U : i < 3 ? 1U : 2U;
      const auto& own = fixture.users[user];
      EXPECT_NE(std::find(own.begin(), own.end(), batch.indices[i]), own.end());
    }
  }
  for (const int count : seen) EXPECT_GT(count, 0);
  const auto report = step->run(step->sample(40), 0.1);
  EXPECT_EQ(report.examples, 5);
  EXPECT_EQ(fixture.charged, std::vector<std::uint64_t>{40});
}

TEST(PrivateStep, TheLedgerIsChargedBeforeTheWeightsMove) {
  StepFixture fixture;
  fixture.model = small_model(fixture.kind, at::kFloat);
  fixture.data = random_examples(fixture.lengths, 21);
  PrivateStep step(*fixture.model, std::make_unique<PrivatePlan>(fixture.privacy),
                   {fixture.lengths, {}, [&](auto indices, auto offsets) {
                      return nn::collate(fixture.data, indices, offsets);
                    }},
                   {}, [](std::uint64_t, const privacy::Event&) {
                     throw runtime_failure("the ledger cannot be written");
                   });
  const at::Tensor before = fixture.weights();
  const auto batch = step.sample(0);
  EXPECT_THROW(step.run(batch, 1), Error);
  EXPECT_TRUE(at::equal(fixture.weights(), before));
}

/// A model whose loss is anything: what a module from elsewhere may do.
class MixingModel final : public nn::Model {
 public:
  explicit MixingModel(std::string how) : how_(std::move(how)) {
    weight_ = register_parameter("weight", at::ones({testing::kWords, 1}));
  }
  nn::ModelOutput compute(const nn::PackedBatch& batch) override {
    const at::Tensor score = nn::embedding_bag(batch, weight_).squeeze(1) *
                             at::arange(1, batch.examples() + 1, at::kFloat);
    if (how_ == "mean") return {.loss = score.mean()};
    if (how_ == "norm") return {.loss = (score - score.mean()).square() + score};
    if (how_ == "negatives") return {.loss = score.logsumexp(0) - score};
    return {.loss = score};
  }
  nn::Prediction decode(const nn::PackedBatch&, const nn::ModelOutput&) override { return {}; }

 private:
  std::string how_;
  at::Tensor weight_;
};

TEST(PrivateStep, ALossThatMixesExamplesIsRefusedWithTheReplacement) {
  tensor_registry();
  for (const std::string how : {"", "mean", "norm", "negatives"}) {
    StepFixture fixture;
    fixture.data = random_examples(fixture.lengths, 21);
    MixingModel model(how);
    PrivateStep step(model, std::make_unique<PrivatePlan>(fixture.privacy),
                     {fixture.lengths, {}, [&](auto indices, auto offsets) {
                        return nn::collate(fixture.data, indices, offsets);
                      }},
                     {}, nullptr);
    step.sample(0);
    const nn::LogicalBatch batch = batch_of(fixture, {0, 2, 4}, {0, 1, 2, 3});
    if (how.empty()) {
      EXPECT_NO_THROW(step.run(batch, 1));
      continue;
    }
    try {
      step.run(batch, 1);
      ADD_FAILURE() << how << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kPrivacyRefused) << how;
      EXPECT_NE(error.hint().find("group or layer normalisation"), std::string::npos) << how;
    }
  }
}

TEST(PrivateStep, RefusesDataOfAnotherSizeThanThePlan) {
  StepFixture fixture;
  fixture.privacy.units = 9;
  EXPECT_THROW(fixture.make(), Error);
}

TEST(PrivatePlan, CalibratedNoiseNeverExceedsTheTarget) {
  tensor_registry();
  PrivacyOptions options{.units = 1000, .expected_batch_size = 50, .steps = 300, .epsilon = 3.0,
                         .delta = 1e-5, .insecure_seed = 1};
  PrivatePlan plan(options);
  EXPECT_LE(plan.epsilon(300), 3.0);
  EXPECT_GT(plan.epsilon(300), 2.9);
  EXPECT_LT(plan.epsilon(100), plan.epsilon(300));
  const auto run = plan.describe(300, 42);
  EXPECT_EQ(run.phases.front().sampling_rate, 0.05);
  EXPECT_EQ(run.phases.front().noise_multiplier, plan.noise_multiplier());
  EXPECT_TRUE(run.insecure_seed);
}

TEST(PrivatePlan, RefusesBothOrNeitherOfNoiseAndTarget) {
  tensor_registry();
  PrivacyOptions options{.units = 10, .expected_batch_size = 2, .steps = 3};
  EXPECT_THROW(PrivatePlan{options}, Error);
  options.epsilon = 1;
  options.noise_multiplier = 1;
  EXPECT_THROW(PrivatePlan{options}, Error);
  options.epsilon.reset();
  EXPECT_NO_THROW(PrivatePlan{options});
  options.delta = 0;
  EXPECT_THROW(PrivatePlan{options}, Error);
  options.delta = 1e-5;
  options.expected_batch_size = 11;
  EXPECT_THROW(PrivatePlan{options}, Error);
}

TEST(PrivatePlan, AReleaseIsMadeOncePerStep) {
  StepFixture fixture;
  fixture.model = small_model(fixture.kind, at::kFloat);
  PrivatePlan plan(fixture.privacy);
  auto clipper = plan.make_clipper(trainable_of(*fixture.model));
  ClippedSum sum = clipper->take();
  EXPECT_THROW(plan.release(sum), Error);
  plan.begin_step(0);
  EXPECT_NO_THROW(plan.release(sum));
  EXPECT_THROW(plan.release(sum), Error);
}

}  // namespace
}  // namespace discreet::dp
