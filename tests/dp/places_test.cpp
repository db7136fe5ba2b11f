// Whole training steps where a model can be computed: the CPU's kernels, the library's operations, CUDA.
#include <gtest/gtest.h>

#include "discreet/dp/plan.h"
#include "discreet/dp/private_step.h"
#include "discreet/nn/ordinary_step.h"
#include "small_model.h"
#include "tests/nn/places.h"

namespace discreet::dp {
namespace {

using nn::test::for_places;
using nn::test::Place;

const std::vector<std::int64_t> kPlacesLengths = {3, 0, 7, 1, 5, 2, 9, 4};

at::Tensor host_weights(const nn::Model& model) {
  std::vector<at::Tensor> parts;
  for (const auto& [name, parameter] : testing::trainable_of(model)) {
    parts.push_back(parameter.detach().cpu().flatten().to(at::kDouble).clone());
  }
  return at::cat(parts);
}

std::unique_ptr<nn::Step> private_step(nn::Model& model, const nn::EncodedExamples& data, const std::string& rule) {
  PrivacyOptions privacy{.units = static_cast<std::uint64_t>(data.size()), .expected_batch_size = 4, .steps = 3,
                         .clip_norm = 0.7, .noise_multiplier = 1.0, .insecure_seed = 5};
  privacy.clipping.rule = rule;
  // Sums differ by rounding, and on the grid one at a boundary may fall on either side.
  privacy.noise_protection = privacy::NoiseProtection::kNone;
  PrivateStep::Data of;
  for (std::int64_t i = 0; i < data.size(); ++i) of.lengths.push_back(data.offsets[i + 1] - data.offsets[i]);
  of.collate = [&data](auto indices, auto segments) { return nn::collate(data, indices, segments); };
  PrivateStepOptions options;
  options.part_tokens = 12;
  return std::make_unique<PrivateStep>(model, std::make_unique<PrivatePlan>(privacy), of, options, nullptr);
}

/// Three steps of `make_step(model, data)` from the same start give the same weights in every place.
void expect_same_steps(
    const std::function<std::shared_ptr<nn::Model>()>& make_model, const nn::EncodedExamples& data, double tolerance,
    const std::function<std::unique_ptr<nn::Step>(nn::Model&, const nn::EncodedExamples&)>& make_step) {
  at::Tensor expected;  // the first place's
  for_places([&](const Place& place) {
    SCOPED_TRACE(place.name);
    const auto model = make_model();
    model->move_to(place.device);
    const at::Tensor before = host_weights(*model);
    const auto step = make_step(*model, data);
    for (std::int64_t number = 0; number < 3; ++number) step->run(step->sample(number), 0.1);
    const at::Tensor change = host_weights(*model) - before;
    if (!expected.defined()) expected = change;
    EXPECT_GT(expected.abs().max().item<double>(), 1e-3);
    EXPECT_LE((change - expected).abs().max().item<double>(), tolerance);
  });
}

/// The same for a registered kind of model.
void expect_same_steps(
    const std::string& kind, double tolerance,
    const std::function<std::unique_ptr<nn::Step>(nn::Model&, const nn::EncodedExamples&)>& make_step) {
  SCOPED_TRACE(kind);
  expect_same_steps([&] { return testing::small_model(kind, at::kFloat, 0.2, kind == "bow"); },
                    testing::random_examples(kPlacesLengths, 3), tolerance, make_step);
}

TEST(Places, OrdinaryStepsAreTheSame) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    expect_same_steps(entry->name, 2e-5, [](nn::Model& model, const nn::EncodedExamples& data) {
      return std::make_unique<nn::OrdinaryStep>(
          model, [&data](auto indices, auto segments) { return nn::collate(data, indices, segments); },
          nn::OrdinaryStepOptions{.examples = data.size(), .batch_size = 3, .seed = 1, .max_norm = 1,
                                  .optimizer = {.kind = nn::OptimizerKind::kMomentum}});
    });
  }
}

TEST(Places, PrivateStepsAddTheSameNoiseToTheSameSums) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    for (const char* rule : {"flat", "adaptive"}) {
      expect_same_steps(entry->name, 2e-5, [&](nn::Model& model, const nn::EncodedExamples& data) {
        return private_step(model, data, rule);
      });
    }
  }
}

TEST(Places, LanguageModelsTooAndTheirTiedMatrix) {
  for (const bool tied : {true, false}) {
    const auto make = [&] {
      tensor_registry();
      nn::ModelSpec spec;
      spec.kind = "gpt";
      spec.hidden = {8};
      spec.heads = 2;
      spec.layers = 2;
      spec.tied = tied;
      core::ReproducibleRng rng(4, "model");
      return nn::make_model(spec, {.vocabulary = testing::kWords, .next_token = true}, {}, rng);
    };
    nn::EncodedExamples data = testing::random_examples(kPlacesLengths, 3);
    for (std::int64_t& tag : data.tags) tag = (tag * 7) % testing::kWords;
    data.intents.clear();
    expect_same_steps(make, data, 2e-5, [](nn::Model& model, const nn::EncodedExamples& of) {
      return private_step(model, of, "flat");
    });
  }
}

}  // namespace
}  // namespace discreet::dp
