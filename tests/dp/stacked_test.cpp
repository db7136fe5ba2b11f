#include "discreet/dp/stacked.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "discreet/dp/private_step.h"
#include "discreet/nn/ordinary_step.h"
#include "small_model.h"

namespace discreet::dp {
namespace {

using testing::plain_gradient;

constexpr std::int64_t kSize = 24;
const std::vector<std::int64_t> kLengths{3, 1, 9, 0, 4, 5, 2, 6, 1, 7, 3, 3,
                                         2, 8, 1, 4, 5, 2, 3, 6, 1, 2, 3, 4};

nn::StackedSpec spec_of(const std::string& kind, bool frozen, std::int64_t models) {
  tensor_registry();
  nn::StackedSpec spec;
  spec.model.kind = kind;
  spec.model.embedding = 6;
  if (!(kind == "bow" && frozen)) spec.model.hidden = {5};
  spec.model.layers = kind == "bilstm" ? 2 : 1;
  spec.model.freeze_vectors = frozen;
  spec.sizes = {testing::kWords, testing::kIntents, 0};
  if (frozen)
    spec.vectors = at::linspace(-1, 1, testing::kWords * 6).view({testing::kWords, 6}).sin();
  for (std::int64_t k = 0; k < models; ++k)
    spec.seeds.push_back(static_cast<std::uint64_t>(40 + k));
  return spec;
}

nn::EncodedExamples examples_of() {
  nn::EncodedExamples data = testing::random_examples(kLengths, 8);
  data.tags.clear();
  return data;
}

struct StackedKind {
  const char* kind;
  bool frozen;
};
constexpr StackedKind kStackedKinds[] = {
    {"bow", true}, {"bow", false}, {"lstm", false}, {"bilstm", false}, {"bilstm", true}};

TEST(StackedNorms, AreThoseOfALoopOverExamples) {
  const nn::EncodedExamples data = examples_of();
  std::vector<std::int64_t> all(kSize);
  std::iota(all.begin(), all.end(), 0);
  for (const auto& [kind, frozen] : kStackedKinds) {
    const nn::StackedModel model(spec_of(kind, frozen, 1));
    const auto prepared = model.prepare(data);
    nn::stacked::Pass pass(model.shape());
    const auto parameters = model.pointers_of(0);
    pass.forward(parameters, prepared->view, all);
    pass.losses(prepared->view, 1);
    pass.backward(parameters);
    std::vector<double> squared(kSize, 0.0);
    add_squared_norms(pass, squared);
    const auto one = model.extract(0);
    for (std::int64_t e = 0; e < kSize; ++e) {
      const double expected = plain_gradient(*one, data, {e}).norm().item<double>();
      EXPECT_NEAR(std::sqrt(squared[static_cast<std::size_t>(e)]) / expected, 1, 2e-5)
          << kind << frozen << " " << e;
    }
  }
}

PrivacyOptions options_of(std::uint64_t units, std::uint64_t seed) {
  return {.units = units,
          .expected_batch_size = 5,
          .steps = 20,
          .clip_norm = 0.3,
          .noise_multiplier = 0.7,
          .insecure_seed = seed};
}

std::vector<nn::StackedMember> members_of(std::int64_t models) {
  std::vector<nn::StackedMember> members;
  for (std::int64_t k = 0; k < models; ++k) {
    nn::StackedMember member{{}, 0, 0.1 * static_cast<double>(k + 1)};
    for (std::int64_t e = k; e < kSize; e += 1 + k % 2) member.examples.push_back(e);
    members.push_back(std::move(member));
  }
  return members;
}

/// The same training by PrivateStep, one model alone.
at::Tensor alone(const nn::StackedModel& start, const nn::EncodedExamples& data,
                 const nn::StackedMember& member, const nn::OptimizerOptions& optimizer,
                 std::int64_t k, std::int64_t steps) {
  const auto model = start.extract(k);
  model->train();
  std::vector<std::int64_t> lengths;
  for (const std::int64_t e : member.examples)
    lengths.push_back(data.offsets[e + 1] - data.offsets[e]);
  PrivateStep::Data own{lengths, {}, [&](std::span<const std::int64_t> indices, auto segments) {
                          std::vector<std::int64_t> places;
                          for (const std::int64_t i : indices)
                            places.push_back(member.examples[static_cast<std::size_t>(i)]);
                          return nn::collate(data, places, segments);
                        }};
  PrivateStep step(
      *model,
      std::make_unique<PrivatePlan>(options_of(lengths.size(), static_cast<std::uint64_t>(k))),
      std::move(own), {.optimizer = optimizer}, nullptr);
  for (std::int64_t s = 0; s < steps; ++s) step.run(step.sample(s), member.learning_rate);
  std::vector<at::Tensor> pieces;
  for (const auto& [name, value] : nn::trainable_parameters(*model))
    pieces.push_back(value.detach().flatten().clone());
  return at::cat(pieces);
}

at::Tensor flat(const nn::NamedTensors& parameters) {
  std::vector<at::Tensor> pieces;
  for (const auto& [name, value] : parameters) pieces.push_back(value.detach().flatten());
  return at::cat(pieces);
}

TEST(StackedPrivateTrainer, EndsWhereEachModelWouldEndAlone) {
  constexpr std::int64_t kModels = 3, kSteps = 6;
  const nn::EncodedExamples data = examples_of();
  for (const auto& [kind, frozen] : kStackedKinds) {
    for (const auto optimizer : {nn::OptimizerKind::kSgd, nn::OptimizerKind::kMomentum}) {
      const nn::StackedModel start(spec_of(kind, frozen, kModels));
      nn::StackedModel model(spec_of(kind, frozen, kModels));
      const auto members = members_of(kModels);
      std::vector<std::unique_ptr<PrivatePlan>> plans;
      for (std::int64_t k = 0; k < kModels; ++k) {
        plans.push_back(std::make_unique<PrivatePlan>(options_of(
            members[static_cast<std::size_t>(k)].examples.size(), static_cast<std::uint64_t>(k))));
      }
      std::int64_t charges = 0;
      StackedPrivateTrainer trainer(
          model, model.prepare(data), members, std::move(plans), {.optimizer = {.kind = optimizer}},
          [&](std::int64_t, std::uint64_t, const privacy::Event&) { ++charges; });
      for (std::int64_t s = 0; s < kSteps; ++s) trainer.step();
      EXPECT_EQ(charges, kModels * kSteps);
      EXPECT_GT(trainer.epsilon(0), 0);
      for (std::int64_t k = 0; k < kModels; ++k) {
        const at::Tensor expected = alone(start, data, members[static_cast<std::size_t>(k)],
                                          {.kind = optimizer}, k, kSteps);
        const double error = (flat(model.parameters_of(k)) - expected).abs().max().item<double>();
        EXPECT_LE(error, 2e-5) << kind << " frozen " << frozen << " model " << k;
        EXPECT_GT((flat(start.parameters_of(k)) - expected).abs().max().item<double>(), 1e-2);
      }
    }
  }
}

TEST(StackedPrivateTrainer, ABrokenExampleContributesNothing) {
  const nn::EncodedExamples data = examples_of();
  for (const auto& [kind, frozen] : kStackedKinds) {
    if (frozen) continue;
    nn::StackedModel model(spec_of(kind, frozen, 1));
    const std::int64_t token = data.tokens.front();
    {
      const at::NoGradGuard no_gradients;
      model.parameters_of(0).front().second[token].fill_(std::numeric_limits<float>::infinity());
    }
    nn::StackedMember member{{}, 0, 0.1};
    for (std::int64_t e = 0; e < kSize; ++e) member.examples.push_back(e);
    PrivacyOptions options = options_of(kSize, 1);
    options.expected_batch_size = kSize;
    std::vector<std::unique_ptr<PrivatePlan>> plans;
    plans.push_back(std::make_unique<PrivatePlan>(options));
    StackedPrivateTrainer trainer(model, model.prepare(data), {member}, std::move(plans), {},
                                  nullptr);
    trainer.step();
    at::Tensor table = model.parameters_of(0).front().second;
    const at::NoGradGuard no_gradients;
    table[token].zero_();
    EXPECT_TRUE(at::isfinite(flat(model.parameters())).all().item<bool>()) << kind;
  }
}

TEST(StackedPrivateTrainer, RefusesPlansThatDoNotFit) {
  nn::StackedModel model(spec_of("bow", false, 1));
  const auto data = model.prepare(examples_of());
  const auto tried = [&](std::vector<nn::StackedMember> members, const PrivacyOptions& options) {
    std::vector<std::unique_ptr<PrivatePlan>> plans;
    plans.push_back(std::make_unique<PrivatePlan>(options));
    StackedPrivateTrainer(model, data, std::move(members), std::move(plans), {}, nullptr);
  };
  const auto members = members_of(1);
  PrivacyOptions options = options_of(kSize, 1);
  EXPECT_NO_THROW(tried(members, options));
  EXPECT_THROW(tried(members_of(2), options), Error);
  options.unit = privacy::Unit::kUser;
  EXPECT_THROW(tried(members, options), Error);
  EXPECT_THROW(tried(members, options_of(kSize - 1, 1)), Error);
}

}  // namespace
}  // namespace discreet::dp
