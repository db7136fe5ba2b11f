#include "discreet/dp/clipping.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "discreet/dp/layers.h"
#include "small_model.h"
#include "toy_layers.h"

namespace discreet::dp {
namespace {

using testing::NoNoise;
using testing::random_examples;
using testing::random_gradients;
using testing::released_of;
using testing::small_model;
using testing::ToyLayers;
using testing::trainable_of;

bool clips_layers(const std::string& rule) { return rule == "per-layer" || rule == "group-wise"; }

/// The factor by the rule's definition, written a second time.
double defined_factor(const std::string& rule, double norm, double bound) {
  if (!std::isfinite(norm)) return 0;
  if (rule == "auto-s") return bound / (norm + 0.01);
  if (rule == "global") return norm <= bound ? 1 : 0;
  return norm + 1e-6 <= bound ? 1 : bound / (norm + 1e-6);
}

PrivacyOptions bare_options(const std::string& rule, double clip_norm) {
  PrivacyOptions options{.units = 64, .expected_batch_size = 1, .steps = 1, .clip_norm = clip_norm,
                         .noise_multiplier = 1.0, .insecure_seed = 1};
  options.clipping.rule = rule;
  return options;
}

std::vector<std::string> rule_names() {
  std::vector<std::string> names;
  for (const core::Entry* entry : tensor_registry().list("clipping")) names.push_back(entry->name);
  return names;
}

/// Gradient of one segment by ordinary backward passes, one piece for each parameter.
std::vector<at::Tensor> segment_gradient(nn::Model& model, const nn::EncodedExamples& data,
                                         std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> members;
  for (std::int64_t i = first; i < last; ++i) members.push_back(i);
  const at::Tensor flat = testing::plain_gradient(model, data, members);
  std::vector<at::Tensor> pieces;
  std::int64_t place = 0;
  for (const auto& [name, parameter] : trainable_of(model)) {
    pieces.push_back(flat.defined() ? flat.slice(0, place, place + parameter.numel())
                                    : at::zeros({parameter.numel()}, at::kDouble));
    place += parameter.numel();
  }
  return pieces;
}

/// Every rule against the loop over segments, in whole models.
void check_rule(const std::string& rule, const std::string& kind,
                const std::vector<std::int64_t>& segment_offsets, const std::string& weights = "uniform") {
  SCOPED_TRACE(rule + " " + kind);
  const auto model = small_model(kind, at::kDouble);
  const nn::EncodedExamples data = random_examples({3, 1, 12, 1, 7, 5, 2}, 21);
  const auto parameters = trainable_of(*model);
  const std::vector<std::int64_t> one{0};
  const auto layers = find_layers(*model, parameters, nn::collate(data, one));
  PrivacyOptions options = bare_options(rule, 0.6);
  options.layers = layers;
  options.clipping.weights = weights;
  PrivatePlan plan(options, nullptr, std::make_unique<NoNoise>());

  const std::size_t segments = segment_offsets.size() - 1;
  std::vector<at::Tensor> expected(parameters.size());
  for (std::size_t s = 0; s < segments; ++s) {
    const auto gradient = segment_gradient(*model, data, segment_offsets[s], segment_offsets[s + 1]);
    const auto add = [&](const std::vector<std::size_t>& places, double bound) {
      double squared = 0;
      for (const std::size_t i : places) squared += gradient[i].square().sum().item<double>();
      for (const std::size_t i : places) {
        const at::Tensor scaled = gradient[i] * defined_factor(rule, std::sqrt(squared), bound);
        expected[i] = expected[i].defined() ? expected[i] + scaled : scaled;
      }
    };
    std::vector<std::vector<std::size_t>> groups(clips_layers(rule) ? layers.size() : 1);
    std::int64_t values = 0;
    for (std::size_t i = 0; i < parameters.size(); ++i) values += parameters[i].second.numel();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      for (std::size_t l = 0; l < groups.size(); ++l) {
        const auto& names = layers[l].parameters;
        const bool inside = std::find(names.begin(), names.end(), parameters[i].first) != names.end();
        if (!clips_layers(rule) || inside) groups[l].push_back(i);
      }
    }
    for (std::size_t l = 0; l < groups.size(); ++l) {
      const double share = weights == "size"
                               ? static_cast<double>(layers[l].values) / static_cast<double>(values)
                               : 1.0 / static_cast<double>(layers.size());
      add(groups[l], clips_layers(rule) ? 0.6 * std::sqrt(share) : 0.6);
    }
  }
  const at::Tensor whole = at::cat(expected);
  for (const std::vector<std::size_t>& parts :
       {std::vector<std::size_t>{segments}, std::vector<std::size_t>{1, segments - 1, segments}}) {
    auto clipper = plan.make_clipper(parameters);
    std::size_t first = 0;
    for (const std::size_t last : parts) {
      std::vector<std::int64_t> indices, offsets;
      for (auto i = segment_offsets[first]; i < segment_offsets[last]; ++i) indices.push_back(i);
      for (std::size_t s = first; s <= last; ++s) {
        offsets.push_back(segment_offsets[s] - segment_offsets[first]);
      }
      clipper->begin(static_cast<std::int64_t>(last - first));
      {
        nn::RecordingScope scope(*clipper);
        model->forward(nn::collate(data, indices, offsets)).loss.sum().backward();
      }
      clipper->finish();
      first = last;
    }
    const double error = (released_of(plan, *clipper) - whole).norm().item<double>();
    EXPECT_LE(error, 1e-10 * (1 + whole.norm().item<double>()));
  }
}

TEST(ClippingRules, EqualTheLoopOverSegmentsInEveryModel) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    for (const std::string& rule : rule_names()) {
      check_rule(rule, entry->name, {0, 1, 2, 3, 4, 5, 6, 7});
      check_rule(rule, entry->name, {0, 2, 2, 6, 7});  // users, one of them without an example
    }
    check_rule("per-layer", entry->name, {0, 1, 2, 3, 4, 5, 6, 7}, "size");
  }
}

/// Adding one segment moves the released sum by at most the sensitivity that the sum states, in each
/// layer and in all; gradients are random, huge, tiny, zero, and right at the bound.
TEST(ClippingRules, AUnitMovesTheSumByAtMostItsStatedSensitivity) {
  for (const std::string& rule : rule_names()) {
    SCOPED_TRACE(rule);
    ToyLayers toy(3, 4);
    PrivacyOptions options = bare_options(rule, 0.8);
    options.layers = toy.clip_layers();
    if (clips_layers(rule)) options.clipping.clip_norms = {0.3, 0.5, 0.2};
    PrivatePlan plan(options, nullptr, std::make_unique<NoNoise>());
    core::ReproducibleRng rng(4, rule);
    double most = 0;
    for (int round = 0; round < 60; ++round) {
      const double scale = std::pow(10.0, static_cast<double>(rng.below(13)) - 6);
      at::Tensor gradients = random_gradients(5, 12, scale, rng);
      if (round % 4 == 0) gradients[4] = gradients[4] / gradients[4].norm() * 0.799;
      if (round % 4 == 1) gradients[4].slice(0, 4, 12).zero_();
      auto with = plan.make_clipper(toy.parameters()), without = plan.make_clipper(toy.parameters());
      toy.run(*with, gradients, {0, 1, 2, 3, 4, 5});
      toy.run(*without, gradients.slice(0, 0, 4).contiguous(), {0, 1, 2, 3, 4});
      const double stated = [&] {
        ClippedSum sum = with->take();
        const double value = sum.sensitivity();
        const auto bounds = sum.bounds();
        double squares = 0;
        for (const double bound : bounds) squares += bound * bound;
        EXPECT_NEAR(value, sum.unit_sensitivity() * std::sqrt(squares), 1e-12);
        with->recycle(std::move(sum));
        return value;
      }();
      toy.run(*with, gradients, {0, 1, 2, 3, 4, 5});
      const at::Tensor moved = released_of(plan, *with) - released_of(plan, *without);
      EXPECT_LE(moved.norm().item<double>(), stated * (1 + 1e-6));
      most = std::max(most, moved.norm().item<double>() / stated);
      if (clips_layers(rule)) {
        for (std::int64_t l = 0; l < 3; ++l) {
          EXPECT_LE(moved.slice(0, 4 * l, 4 * l + 4).norm().item<double>(),
                    options.clipping.clip_norms[static_cast<std::size_t>(l)] * (1 + 1e-6));
        }
      }
    }
    EXPECT_GT(most, 0.7) << "no example comes near the bound: the test has no power";
  }
}

TEST(ClippingRules, ReplacementCountsTwice) {
  EXPECT_EQ(unit_sensitivity(privacy::Relation::kAddOrRemoveOne, SegmentHolds::kOneUnit), 1);
  EXPECT_EQ(unit_sensitivity(privacy::Relation::kZeroOut, SegmentHolds::kOneUnit), 1);
  EXPECT_EQ(unit_sensitivity(privacy::Relation::kReplaceOne, SegmentHolds::kOneUnit), 2);
  for (const auto relation : {privacy::Relation::kAddOrRemoveOne, privacy::Relation::kZeroOut,
                              privacy::Relation::kReplaceOne}) {
    EXPECT_EQ(unit_sensitivity(relation, SegmentHolds::kMeanOfUnits), 2);
  }
}

/// NaN or infinity in one layer of one segment: rules over all parameters drop the segment, rules by
/// layer drop it there; nothing else moves, whichever layer it is.
TEST(ClippingRules, ANonFiniteGradientInAnyLayerContributesZero) {
  for (const std::string& rule : rule_names()) {
    for (std::int64_t layer = 0; layer < 3; ++layer) {
      for (const double poison : {std::nan(""), HUGE_VAL}) {
        ToyLayers toy(3, 4);
        PrivacyOptions options = bare_options(rule, 0.8);
        options.layers = toy.clip_layers();
        PrivatePlan plan(options, nullptr, std::make_unique<NoNoise>());
        core::ReproducibleRng rng(4, rule);
        const at::Tensor gradients = random_gradients(3, 12, 0.1, rng);
        at::Tensor broken = gradients.clone();
        broken[1][4 * layer + 2] = poison;
        at::Tensor dropped = gradients.clone();
        if (clips_layers(rule)) {
          dropped[1].slice(0, 4 * layer, 4 * layer + 4).zero_();
        } else {
          dropped[1].zero_();
        }
        auto clipper = plan.make_clipper(toy.parameters()), clean = plan.make_clipper(toy.parameters());
        toy.run(*clipper, broken, {0, 1, 2, 3});
        EXPECT_FALSE(std::isfinite(clipper->norms()[1]));
        toy.run(*clean, dropped, {0, 1, 2, 3});
        const double error = (released_of(plan, *clipper) - released_of(plan, *clean)).norm().item<double>();
        EXPECT_LE(error, 1e-12) << rule << ", layer " << layer;
      }
    }
  }
}

/// A segment in pieces is the segment.
TEST(ClippingRules, PiecesOfASegmentGiveTheSame) {
  for (const std::string& rule : rule_names()) {
    ToyLayers toy(3, 4);
    PrivacyOptions options = bare_options(rule, 0.8);
    options.layers = toy.clip_layers();
    PrivatePlan plan(options, nullptr, std::make_unique<NoNoise>());
    core::ReproducibleRng rng(4, rule);
    const at::Tensor gradients = random_gradients(9, 12, 0.3, rng);
    auto whole = plan.make_clipper(toy.parameters()), pieces = plan.make_clipper(toy.parameters());
    toy.run(*whole, gradients, {0, 2, 7, 9});
    toy.run(*pieces, gradients.slice(0, 0, 2).contiguous(), {0, 2});
    toy.run_piece(*pieces, gradients.slice(0, 2, 3).contiguous());
    toy.run_piece(*pieces, gradients.slice(0, 3, 7).contiguous());
    EXPECT_THROW(pieces->begin(1), Error);
    EXPECT_THROW(pieces->take(), Error);
    pieces->close();
    EXPECT_NEAR(pieces->norms()[0], whole->norms()[1], 1e-12);
    toy.run(*pieces, gradients.slice(0, 7, 9).contiguous(), {0, 2});
    ClippedSum first = whole->take(), second = pieces->take();
    EXPECT_EQ(first.segments(), second.segments());
    EXPECT_EQ(first.clipped(), second.clipped());
    whole->recycle(std::move(first));
    pieces->recycle(std::move(second));
    toy.run(*whole, gradients, {0, 2, 7, 9});
    toy.run_piece(*pieces, gradients.slice(0, 0, 2).contiguous());
    pieces->close();
    toy.run(*pieces, gradients.slice(0, 2, 9).contiguous(), {0, 5, 7});
    EXPECT_LE((released_of(plan, *whole) - released_of(plan, *pieces)).norm().item<double>(), 1e-12) << rule;
  }
}

TEST(ClippingRules, LayersAreWhatUsesShare) {
  const auto model = small_model("bilstm", at::kFloat);
  const auto parameters = trainable_of(*model);
  const nn::EncodedExamples data = random_examples({3}, 21);
  const std::vector<std::int64_t> one{0};
  const auto layers = find_layers(*model, parameters, nn::collate(data, one));
  std::size_t covered = 0;
  std::set<std::string> names;
  for (const ClipLayer& layer : layers) {
    covered += layer.parameters.size();
    EXPECT_TRUE(names.insert(layer.name).second) << "two layers are called " << layer.name;
    // An LSTM direction has its two weights and its bias in one layer.
    const bool recurrent = layer.parameters[0].find("weight_ih") != std::string::npos;
    if (recurrent) {
      EXPECT_EQ(layer.parameters.size(), 3U) << layer.name;
    }
  }
  EXPECT_EQ(covered, parameters.size());
  const auto modules = by_module(layers);
  EXPECT_LT(modules.size(), layers.size());
  std::int64_t values = 0;
  for (const ClipLayer& module : modules) values += module.values;
  EXPECT_EQ(values, nn::trainable_values(*model));
}

TEST(ClippingRules, RefuseWhatIsNotDivided) {
  ToyLayers toy(2, 3);
  PrivacyOptions options = bare_options("per-layer", 1);
  EXPECT_THROW(PrivatePlan{options}, Error);  // no layers
  options.layers = toy.clip_layers();
  options.clipping.clip_norms = {1, 1, 1};
  EXPECT_THROW(PrivatePlan{options}, Error);  // another number
  options.clipping.clip_norms = {1, 0};
  EXPECT_THROW(PrivatePlan{options}, Error);
  options.clipping.clip_norms = {};
  options.layers.pop_back();
  PrivatePlan plan(options);
  EXPECT_THROW(plan.make_clipper(toy.parameters()), Error);  // a parameter in no layer
  options.clipping.rule = "nothing";
  EXPECT_THROW(PrivatePlan{options}, Error);
}

// Adaptive bounds.

PrivacyOptions adaptive_options(double multiplier, double batch) {
  PrivacyOptions options{.units = 1000, .expected_batch_size = batch, .steps = 10, .clip_norm = 1,
                         .noise_multiplier = multiplier, .insecure_seed = 1};
  options.clipping.rule = "adaptive";
  return options;
}

TEST(AdaptiveClipping, TheCountTakesItsShareOfTheMultiplier) {
  tensor_registry();
  const PrivatePlan plan(adaptive_options(1, 32));
  EXPECT_DOUBLE_EQ(plan.count_noise(), 1.6);
  const privacy::Event step = plan.step_event(0);
  const privacy::Event& parts = step.children()[0];
  ASSERT_EQ(parts.children().size(), 2U);
  // The split of Andrew et al. 2021; the value is that of Opacus' formula.
  EXPECT_NEAR(parts.children()[0].noise_multiplier(), 1.05272271, 5e-9);
  EXPECT_DOUBLE_EQ(parts.children()[1].noise_multiplier(), 3.2);
  const auto flat = privacy::flatten(step);
  ASSERT_EQ(flat.phases.size(), 1U);
  EXPECT_NEAR(flat.phases[0].noise_multiplier, 1, 1e-12);
}

TEST(AdaptiveClipping, CountsThatWouldTakeEverythingAreRefused) {
  tensor_registry();
  PrivacyOptions options = adaptive_options(1, 32);
  for (const double noise : {0.5, 0.4}) {
    options.clipping.count_noise = noise;
    try {
      PrivatePlan plan(options);
      FAIL() << "z >= 2 sigma_b was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kPrivacyRefused);
    }
  }
  options.clipping.count_noise = 0.51;
  EXPECT_NO_THROW(PrivatePlan{options});
}

/// b is the recentred count over the EXPECTED batch, plus one half.
TEST(AdaptiveClipping, TheBoundMovesByTheRecentredCount) {
  for (const std::int64_t below : {0, 1, 4}) {
    ToyLayers toy(1, 4);
    PrivacyOptions options = adaptive_options(1, 10);
    options.clipping.quantile = 0.7;
    options.clipping.quantile_rate = 0.3;
    PrivatePlan plan(options, nullptr, std::make_unique<NoNoise>());
    auto clipper = plan.make_clipper(toy.parameters());
    at::Tensor gradients = at::full({4, 4}, 5.0, at::kDouble);
    gradients.slice(0, 0, below).fill_(0.1);
    toy.run(*clipper, gradients, {0, 1, 2, 3, 4});
    released_of(plan, *clipper);
    const double b = (0.5 * static_cast<double>(below) - 0.5 * static_cast<double>(4 - below)) / 10 + 0.5;
    EXPECT_NEAR(clipper->rule().bounds()[0], std::exp(-0.3 * (b - 0.7)), 1e-12);
  }
}

/// The form sum of ones / B would give 0 here and let the bound grow with every empty batch.
TEST(AdaptiveClipping, AnEmptyBatchHasOneHalf) {
  for (const std::string rule : {"adaptive", "group-wise"}) {
    ToyLayers toy(2, 4);
    PrivacyOptions options = adaptive_options(1, 10);
    options.clipping.rule = rule;
    options.clipping.quantile = 0.9;
    options.layers = toy.clip_layers();
    PrivatePlan plan(options, nullptr, std::make_unique<NoNoise>());
    auto clipper = plan.make_clipper(toy.parameters());
    const double before = clipper->rule().bounds()[0];
    released_of(plan, *clipper);
    for (const double bound : clipper->rule().bounds()) {
      EXPECT_NEAR(bound, before * std::exp(-0.2 * (0.5 - 0.9)), 1e-12);
    }
  }
}

TEST(AdaptiveClipping, BoundsFindTheQuantileAndThenStay) {
  ToyLayers toy(2, 4);
  PrivacyOptions options = adaptive_options(0.5, 200);
  options.clipping.rule = "group-wise";
  options.clipping.quantile_steps = 100;
  options.steps = 120;
  options.layers = toy.clip_layers();
  PrivatePlan plan(options);
  auto clipper = plan.make_clipper(toy.parameters());
  core::ReproducibleRng rng(3, "quantile");
  std::vector<std::int64_t> offsets;
  for (std::int64_t i = 0; i <= 200; ++i) offsets.push_back(i);
  std::vector<double> kept;
  for (std::uint64_t step = 0; step < 120; ++step) {
    at::Tensor gradients = random_gradients(200, 8, 1, rng);
    gradients.slice(1, 4, 8).mul_(20);
    toy.run(*clipper, gradients, offsets);
    released_of(plan, *clipper, step);
    if (step == 99) kept = clipper->rule().bounds();
  }
  // The median norm of four standard normals is sqrt(chi2_4's median) = sqrt(3.3567).
  EXPECT_NEAR(kept[0] / 1.832, 1, 0.1);
  EXPECT_NEAR(kept[1] / (20 * 1.832), 1, 0.1);
  EXPECT_EQ(clipper->rule().bounds(), kept);
  // Without counts a step is the plain Gaussian; with them its parts make up the same.
  EXPECT_EQ(plan.step_event(100).children()[0].kind(), privacy::Event::Kind::kGaussian);
  EXPECT_EQ(plan.step_event(99).children()[0].kind(), privacy::Event::Kind::kComposed);
  EXPECT_NEAR(privacy::flatten(plan.step_event(99)).phases[0].noise_multiplier,
              privacy::flatten(plan.step_event(100)).phases[0].noise_multiplier, 1e-12);
}

TEST(AdaptiveClipping, ACheckpointHoldsTheBounds) {
  ToyLayers toy(2, 4);
  PrivacyOptions options = adaptive_options(1, 10);
  options.clipping.rule = "group-wise";
  options.layers = toy.clip_layers();
  PrivatePlan plan(options);
  auto clipper = plan.make_clipper(toy.parameters());
  released_of(plan, *clipper);
  auto resumed = plan.make_clipper(toy.parameters());
  EXPECT_NE(resumed->rule().bounds(), clipper->rule().bounds());
  resumed->rule().load(Json::parse(clipper->rule().state().dump()));
  EXPECT_EQ(resumed->rule().bounds(), clipper->rule().bounds());
  EXPECT_THROW(resumed->rule().load({{"bounds", {1.0}}}), Error);
  EXPECT_THROW(resumed->rule().load({{"bounds", {1.0, 0.0}}}), Error);
  EXPECT_THROW(resumed->rule().load(Json::object()), Error);
}

}  // namespace
}  // namespace discreet::dp
