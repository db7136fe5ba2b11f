#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "discreet/core/registry.h"
#include "discreet/nn/adversary.h"
#include "discreet/nn/hidden_rows.h"
#include "discreet/nn/loss_rule.h"
#include "discreet/nn/ordinary_step.h"
#include "discreet/stats/probe.h"

namespace discreet {
void register_all_model(core::Registry&);
}

namespace discreet::nn {
namespace {

/// Texts of five words: word 1 or 2 tells the label, word 3 or 4 the group, which agrees with the label in four of
/// five texts; the rest says nothing.
struct Planted {
  EncodedExamples data;
  std::vector<std::int64_t> group;
};

Planted planted_texts(std::int64_t n, std::uint64_t seed) {
  core::ReproducibleRng rng(seed);
  Planted planted;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t label = static_cast<std::int64_t>(rng.below(2));
    const std::int64_t group = rng.uniform() < .8 ? label : 1 - label;
    // In one of four texts the label's word is missing.
    planted.data.tokens.push_back(rng.uniform() < .75 ? 1 + label : 5);
    planted.data.tokens.push_back(3 + group);
    for (int k = 0; k < 3; ++k) planted.data.tokens.push_back(5 + static_cast<std::int64_t>(rng.below(5)));
    planted.data.offsets.push_back(static_cast<std::int64_t>(planted.data.tokens.size()));
    planted.data.intents.push_back(label);
    planted.group.push_back(group);
  }
  return planted;
}

std::shared_ptr<Model> small_model() {
  if (!core::registry().contains("model", "bow")) register_all_model(core::registry());
  core::ReproducibleRng rng(1);
  return make_model({.kind = "bow", .embedding = 8, .hidden = {8}}, {.vocabulary = 10, .intents = 2}, {}, rng);
}

void run_steps(Model& model, const EncodedExamples& data, std::int64_t steps, std::shared_ptr<LossRule> rule) {
  OrdinaryStep step(model, [&](auto indices, auto segments) { return collate(data, indices, segments); },
                    {.examples = data.size(), .batch_size = 50, .seed = 3, .optimizer = {.kind = parse_optimizer("adam")}, .loss = rule});
  for (std::int64_t k = 0; k < steps; ++k) step.run(step.sample(k), 1e-2);
}

struct Told {
  double group = 0, gap = 0, accuracy = 0;
};

/// How well a linear probe tells the group from the pooled rows, and how answers differ between groups.
Told told_by(Model& model, const Planted& planted) {
  const at::NoGradGuard no_gradients;
  model.eval();
  std::vector<std::int64_t> all(static_cast<std::size_t>(planted.data.size()));
  std::iota(all.begin(), all.end(), 0);
  const HiddenRowsScope scope;
  const ModelOutput output = model.forward(collate(planted.data, all));
  const at::Tensor rows = scope.rows().to(at::kDouble).contiguous();
  const std::vector<double> values(rows.const_data_ptr<double>(), rows.const_data_ptr<double>() + rows.numel());
  const std::vector<std::uint32_t> groups(planted.group.begin(), planted.group.end());
  const stats::Probe probe(values, static_cast<std::size_t>(rows.size(1)), groups, 2);
  const at::Tensor answers = output.intent_logits.argmax(1);
  Told told{.group = stats::count_right(probe.predict(values), groups, 2).accuracy};
  double ones[2] = {}, n[2] = {};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::int64_t answer = answers.const_data_ptr<std::int64_t>()[i];
    ones[groups[i]] += static_cast<double>(answer);
    n[groups[i]] += 1;
    told.accuracy += answer == planted.data.intents[i] ? 1.0 / static_cast<double>(groups.size()) : 0;
  }
  told.gap = ones[1] / n[1] - ones[0] / n[0];
  return told;
}

TEST(GradientReversal, ForwardsTheValueBackwardsTheNegative) {
  const at::Tensor x = at::full({3}, 2.0F).requires_grad_();
  const at::Tensor y = reverse_gradient(x, 0.5);
  EXPECT_TRUE(at::allclose(y, x));
  y.sum().backward();
  EXPECT_TRUE(at::allclose(x.grad(), at::full({3}, -0.5F)));
}

TEST(WeightedLoss, WeightsOfOneAreThePlainLossAndZeroTeachesNothing) {
  const Planted planted = planted_texts(200, 1);
  const auto plain = small_model(), ones = small_model(), zeros = small_model(), fresh = small_model();
  run_steps(*plain, planted.data, 6, nullptr);
  run_steps(*ones, planted.data, 6, std::make_shared<WeightedLoss>(std::vector<double>(200, 1.0)));
  run_steps(*zeros, planted.data, 6, std::make_shared<WeightedLoss>(std::vector<double>(200, 0.0)));
  for (std::size_t i = 0; i < plain->parameters().size(); ++i) {
    EXPECT_TRUE(plain->parameters()[i].equal(ones->parameters()[i]));
    EXPECT_TRUE(zeros->parameters()[i].equal(fresh->parameters()[i]));
  }
}

TEST(AdversarialLoss, TheGroupIsToldLessAndTheGapShrinks) {
  const Planted planted = planted_texts(1000, 2), test = planted_texts(1000, 3);
  const auto plain = small_model(), debiased = small_model();
  run_steps(*plain, planted.data, 200, nullptr);
  AdversaryOptions options{.weight = 2, .hidden = 16, .labels = 2, .optimizer = {.kind = parse_optimizer("adam")}};
  run_steps(*debiased, planted.data, 200, std::make_shared<AdversarialLoss>(planted.group, options, nullptr));
  const Told before = told_by(*plain, test), after = told_by(*debiased, test);
  EXPECT_GT(before.group, .9);
  EXPECT_GT(before.gap, .6);
  // What the label itself tells of the group (four of five) may stay: the adversary knows it.
  EXPECT_LT(after.gap, before.gap - .05) << before.gap << " " << after.gap;
  EXPECT_GT(after.accuracy, .8);
}

TEST(AdversarialLoss, ReportsTheModelsOwnLossAndSavesItsState) {
  const Planted planted = planted_texts(100, 4);
  const auto model = small_model();
  AdversaryOptions options{.hidden = 4, .optimizer = {.kind = parse_optimizer("adam")}};
  std::vector<std::int64_t> group = planted.group;
  group[0] = -1;  // nothing is known of it
  AdversarialLoss loss(group, options, nullptr);
  std::vector<std::int64_t> all(100);
  std::iota(all.begin(), all.end(), 0);
  const PackedBatch batch = collate(planted.data, all);
  EXPECT_TRUE(at::allclose(loss.losses(*model, batch), model->forward(batch).loss, 1e-5, 1e-6));
  loss.losses(*model, batch).mean().backward();
  loss.step(1e-2);
  const auto folder = std::filesystem::temp_directory_path() / "discreet-adversary-test";
  std::filesystem::create_directories(folder);
  loss.save(folder);
  AdversarialLoss other(group, options, nullptr);
  other.load(folder);
  for (auto& parameter : model->parameters()) parameter.mutable_grad().reset();
  loss.losses(*model, batch).mean().backward();
  const at::Tensor gradient = model->parameters()[0].grad().clone();
  for (auto& parameter : model->parameters()) parameter.mutable_grad().reset();
  other.losses(*model, batch).mean().backward();
  EXPECT_TRUE(gradient.equal(model->parameters()[0].grad()));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace discreet::nn
