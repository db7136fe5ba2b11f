#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "discreet/app/settings.h"
#include "discreet/dp/layers.h"
#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
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

PrivacyOptions slot_options(std::int64_t slots) {
  PrivacyOptions options{.units = 8, .expected_batch_size = 6, .steps = 20, .clip_norm = 0.7,
                         .noise_multiplier = 1.0, .insecure_seed = 5};
  options.mechanism = "edp-sgd";
  options.clipping.rule = "per-layer";
  options.slots = slots;
  return options;
}

/// The reference example: q = 1/70, 70 steps an epoch, 5 epochs, sigma 1.5 * 0.9^epoch, delta 1e-5.
PrivacyOptions decaying(NoisePlacement placement) {
  PrivacyOptions options = slot_options(16);
  options.units = 7000;
  options.expected_batch_size = 100;
  options.steps = 350;
  options.noise_multiplier = 1.5;
  options.placement = placement;
  options.schedule = {.kind = privacy::NoiseSchedule::Kind::kExponential, .decay = 0.9};
  for (int l = 0; l < 4; ++l) options.layers.push_back({"l" + std::to_string(l), {"p"}, 10});
  return options;
}

TEST(EdpPlan, BothEpsilonsOfTheReferenceExample) {
  tensor_registry();
  const PrivatePlan plan(decaying(NoisePlacement::kGlobal));
  EXPECT_EQ(plan.steps_per_epoch(), 70);
  EXPECT_NEAR(plan.epsilon(350), 10.40670170, 1e-6);
  EXPECT_NEAR(*plan.epsilon_as_published(350), 1.67780375, 1e-6);
  PrivacyOptions tight = decaying(NoisePlacement::kGlobal);
  tight.accountant = "prv";
  EXPECT_NEAR(PrivatePlan(tight).epsilon(350), 8.69237855, 1e-4);
  EXPECT_NEAR(*PrivatePlan(tight).epsilon_as_published(350), 1.28437642, 1e-4);
}

TEST(EdpPlan, TheMultiplierThatCountsFollowsThePlacement) {
  tensor_registry();
  EXPECT_DOUBLE_EQ(PrivatePlan(decaying(NoisePlacement::kGlobal)).effective_multiplier_at(0), 0.75);
  EXPECT_DOUBLE_EQ(PrivatePlan(decaying(NoisePlacement::kPerLayer)).effective_multiplier_at(0),
                   1.5 / (2 * 2));
  EXPECT_DOUBLE_EQ(PrivatePlan(decaying(NoisePlacement::kPerWorker)).effective_multiplier_at(0),
                   4 * 1.5 / (2 * 2));
  PrivacyOptions ordinary = decaying(NoisePlacement::kPerLayer);
  ordinary.mechanism = "dp-sgd";
  ordinary.slots = 0;
  EXPECT_DOUBLE_EQ(PrivatePlan(ordinary).effective_multiplier_at(0), 1.5 / 2);
  ordinary.placement = NoisePlacement::kPerWorker;
  EXPECT_THROW(PrivatePlan{ordinary}, Error);
}

/// The ledger's events, one by one, add up to what the plan says.
TEST(EdpPlan, EachStepHasItsOwnMultiplier) {
  tensor_registry();
  const PrivatePlan plan(decaying(NoisePlacement::kGlobal));
  std::vector<privacy::Event> steps;
  for (std::int64_t step = 0; step < 350; ++step) {
    steps.push_back(plan.step_event(step));
    EXPECT_DOUBLE_EQ(steps.back().children()[0].noise_multiplier(),
                     0.75 * std::pow(0.9, static_cast<double>(step / 70)));
  }
  const auto flat = privacy::flatten(privacy::Event::composed(steps));
  EXPECT_EQ(flat.phases, plan.describe(350, 1).phases);
  EXPECT_EQ(flat.phases.size(), 5U);
  EXPECT_EQ(plan.describe(100, 1).phases.back().steps, 30);
}

TEST(EdpPlan, CalibrationAimsAtTheCorrectedEpsilon) {
  tensor_registry();
  PrivacyOptions options = decaying(NoisePlacement::kPerLayer);
  options.noise_multiplier.reset();
  options.epsilon = 6.0;
  const PrivatePlan plan(options);
  EXPECT_LE(plan.epsilon(350), 6);
  EXPECT_GT(plan.epsilon(350), 5.98);
  EXPECT_LT(*plan.epsilon_as_published(350), 1);
}

TEST(EdpPlan, AScheduleThatEndsWithoutNoiseIsRefused) {
  tensor_registry();
  PrivacyOptions options = decaying(NoisePlacement::kGlobal);
  options.schedule = {.kind = privacy::NoiseSchedule::Kind::kLinear, .decay = 0.7};
  EXPECT_THROW(PrivatePlan{options}, Error);
  options.schedule.floor = 0.4;
  EXPECT_DOUBLE_EQ(PrivatePlan(options).noise_multiplier_at(349), 0.4);
}

TEST(EdpPlan, MechanismsAreMadeByName) {
  tensor_registry();
  PrivacyOptions options = decaying(NoisePlacement::kGlobal);
  EXPECT_EQ(make_plan(options)->describe(1, 1).mechanism, "edp-sgd");
  options.slots = 0;
  EXPECT_THROW(make_plan(options), Error);
  options.mechanism = "dp-sgd";
  EXPECT_EQ(make_plan(options)->describe(1, 1).mechanism, "dp-sgd");
  options.slots = 4;
  EXPECT_THROW(make_plan(options), Error);
  options.mechanism = "dp-nothing";
  EXPECT_THROW(make_plan(options), Error);
}

/// The configuration's choices, which the base must know without libtorch, are what is registered.
TEST(EdpPlan, TheConfigurationNamesEveryRuleAndMechanism) {
  for (const auto& [key, kind] : {std::pair("clipping", "clipping"), std::pair("mechanism", "mechanism")}) {
    std::set<std::string> registered;
    for (const core::Entry* entry : tensor_registry().list(kind)) registered.insert(entry->name);
    if (key == std::string("mechanism")) registered.insert("none");
    for (const core::FieldInfo& field : app::privacy_fields().info()) {
      if (field.name != key) continue;
      const auto& choices = field.spec.choices;
      EXPECT_EQ(std::set<std::string>(choices.begin(), choices.end()), registered) << key;
    }
  }
}

TEST(EdpPlan, ASumOfUnitsIsNotTakenForASumOfSlots) {
  ToyLayers toy(2, 3);
  PrivacyOptions options = slot_options(4);
  options.layers = toy.clip_layers();
  PrivatePlan plan(options);
  SegmentClipper units(toy.parameters(), privacy::ClipNorm(1));
  plan.begin_step(0);
  ClippedSum sum = units.take();
  EXPECT_THROW(plan.release(sum), Error);
}

/// Adding an example to a slot moves the sum by at most 2 C, and 2 C is reached.
TEST(EdpSlots, AnExampleMovesTheSumByAtMostTwiceTheClipNorm) {
  ToyLayers toy(3, 4);
  PrivacyOptions options = slot_options(4);
  options.layers = toy.clip_layers();
  PrivatePlan plan(options, nullptr, std::make_unique<NoNoise>());
  core::ReproducibleRng rng(8, "slots");
  const auto sum_of = [&](const at::Tensor& gradients, const std::vector<std::int64_t>& slots) {
    std::vector<std::int64_t> offsets{0}, order;
    std::vector<double> weights;
    for (std::int64_t slot = 0; slot < 4; ++slot) {
      const auto members = std::count(slots.begin(), slots.end(), slot);
      for (std::size_t i = 0; i < slots.size(); ++i) {
        if (slots[i] != slot) continue;
        order.push_back(static_cast<std::int64_t>(i));
        weights.push_back(1 / static_cast<double>(members));
      }
      offsets.push_back(static_cast<std::int64_t>(order.size()));
    }
    auto clipper = plan.make_clipper(toy.parameters());
    toy.run(*clipper, gradients.index_select(0, at::tensor(order, at::kLong)), offsets,
            at::tensor(weights, at::kDouble));
    return released_of(plan, *clipper) * 4;  // times the divisor
  };
  double most = 0;
  for (int round = 0; round < 40; ++round) {
    at::Tensor gradients = random_gradients(9, 12, std::pow(10.0, round % 5 - 1), rng);
    if (round % 2 == 0) {  // slots at the bound, turned around by one example
      gradients.copy_(gradients[0].expand({9, 12}).clone());
      gradients[8] = gradients[0] * -1000;
    }
    std::vector<std::int64_t> slots;
    for (std::uint64_t i = 0; i < 9; ++i) slots.push_back(plan.slot_of(static_cast<std::uint64_t>(round), i));
    const at::Tensor with = sum_of(gradients, slots);
    slots.pop_back();
    const double moved = (with - sum_of(gradients, slots)).norm().item<double>();
    EXPECT_LE(moved, 2 * 0.7 * (1 + 1e-6));
    most = std::max(most, moved);
  }
  EXPECT_GT(most, 2 * 0.7 * 0.999);
}

/// Why slots and not chunks: cut into consecutive chunks of two, values (-1.5)^k that are all above
/// C = 1, one example less moves the sum of clipped means by 2 C (G - 1).
TEST(EdpSlots, ConsecutiveChunksHaveNoSuchBound) {
  const auto sum_of_chunks = [](const std::vector<double>& values) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); i += 2) {
      const std::size_t end = std::min(values.size(), i + 2);
      double mean = 0;
      for (std::size_t k = i; k < end; ++k) mean += values[k] / static_cast<double>(end - i);
      sum += mean * std::min(1.0, 1 / std::abs(mean));
    }
    return sum;
  };
  for (const auto& [chunks, expected] : {std::pair(4, 6.0), std::pair(16, 30.0), std::pair(64, 126.0)}) {
    std::vector<double> values;
    for (int k = 0; k < 2 * chunks; ++k) values.push_back(std::pow(-1.5, k + 4));
    const double whole = sum_of_chunks(values);
    double most = 0;
    for (std::size_t removed = 0; removed < values.size(); ++removed) {
      std::vector<double> rest = values;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(removed));
      most = std::max(most, std::abs(whole - sum_of_chunks(rest)));
    }
    EXPECT_NEAR(most, expected, 1e-9) << chunks << " chunks";
    EXPECT_GT(most, 2.0) << "the bound of slots";
  }
}

/// eDP-SGD steps over small models.
struct EdpFixture {
  PrivacyOptions privacy = slot_options(3);
  PrivateStepOptions options{};
  std::vector<std::int64_t> lengths{3, 1, 12, 1, 7, 5, 2, 4};
  std::vector<std::vector<std::int64_t>> users;
  std::string kind = "bilstm";
  bool noise = false;
  std::vector<privacy::Event> charged;
  std::shared_ptr<nn::Model> model;
  nn::EncodedExamples data;
  std::vector<ClipLayer> layers;

  std::unique_ptr<PrivateStep> make() {
    model = small_model(kind, at::kDouble);
    model->train();
    data = random_examples(lengths, 21);
    const std::vector<std::int64_t> one{0};
    layers = privacy.layers = find_layers(*model, trainable_of(*model), nn::collate(data, one));
    PrivateStep::Data step_data{lengths, users, [this](auto indices, auto offsets) {
                                  return nn::collate(data, indices, offsets);
                                }};
    std::unique_ptr<privacy::NoiseSource> source;
    if (!noise) source = std::make_unique<NoNoise>();
    return std::make_unique<PrivateStep>(
        *model, std::make_unique<PrivatePlan>(privacy, nullptr, std::move(source)),
        std::move(step_data), options,
        [this](std::uint64_t, const privacy::Event& event) { charged.push_back(event); });
  }
  at::Tensor weights() const {
    std::vector<at::Tensor> pieces;
    for (const auto& [name, parameter] : trainable_of(*model)) {
      pieces.push_back(parameter.detach().flatten().clone());
    }
    return at::cat(pieces);
  }
  /// The change of the weights that step `number` makes, with SGD at rate 1.
  at::Tensor change(PrivateStep& step, std::int64_t number, nn::StepReport* report = nullptr) {
    const nn::LogicalBatch batch = step.sample(number);
    const at::Tensor before = weights();
    const nn::StepReport made = step.run(batch, 1);
    if (report != nullptr) *report = made;
    return weights() - before;
  }
};

/// Against the definition: mean gradient of each slot's examples by batches of one, clipped by layer,
/// summed, divided by the number of slots.
TEST(EdpStep, EqualsTheLoopOverSlots) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    for (const std::int64_t slots : {1, 3, 16}) {
      SCOPED_TRACE(std::string(entry->name) + " " + std::to_string(slots));
      EdpFixture fixture;
      fixture.kind = entry->name;
      fixture.privacy.slots = slots;
      const auto step = fixture.make();
      const nn::LogicalBatch batch = step->sample(0);
      ASSERT_EQ(batch.segment_offsets.size(), static_cast<std::size_t>(slots) + 1);
      const auto parameters = trainable_of(*fixture.model);
      const double bound = 0.7 / std::sqrt(static_cast<double>(fixture.layers.size()));
      at::Tensor expected = at::zeros_like(fixture.weights());
      for (std::size_t s = 0; s < static_cast<std::size_t>(slots); ++s) {
        const auto first = batch.segment_offsets[s], last = batch.segment_offsets[s + 1];
        if (first == last) continue;
        const std::vector<std::int64_t> members(batch.indices.begin() + first,
                                                batch.indices.begin() + last);
        const at::Tensor mean = testing::plain_gradient(*fixture.model, fixture.data, members) /
                                static_cast<double>(last - first);
        std::int64_t place = 0;
        std::map<std::string, std::pair<std::int64_t, std::int64_t>> places;
        for (const auto& [name, parameter] : parameters) {
          places[name] = {place, parameter.numel()};
          place += parameter.numel();
        }
        for (const ClipLayer& layer : fixture.layers) {
          double squared = 0;
          for (const auto& name : layer.parameters) {
            const auto [at, size] = places[name];
            squared += mean.slice(0, at, at + size).square().sum().item<double>();
          }
          for (const auto& name : layer.parameters) {
            const auto [at, size] = places[name];
            expected.slice(0, at, at + size)
                .add_(mean.slice(0, at, at + size) * clip_factor(std::sqrt(squared), bound));
          }
        }
      }
      const at::Tensor before = fixture.weights();
      step->run(batch, 1);
      const at::Tensor change = fixture.weights() - before;
      const double error = (change + expected / static_cast<double>(slots)).norm().item<double>();
      EXPECT_LE(error, 1e-10);
    }
  }
}

TEST(EdpStep, AnyPhysicalSplitGivesTheSame) {
  for (const bool users : {false, true}) {
    at::Tensor whole;
    for (const std::int64_t tokens : {1 << 20, 20, 9, 1}) {
      EdpFixture fixture;
      if (users) {
        fixture.users = {{0, 1, 2}, {3}, {4, 5, 6, 7}};
        fixture.privacy.units = 3;
        fixture.privacy.expected_batch_size = 3;
        fixture.privacy.unit = privacy::Unit::kUser;
      }
      fixture.noise = true;
      fixture.options.part_tokens = tokens;
      const auto step = fixture.make();
      const at::Tensor change = fixture.change(*step, 0);
      if (!whole.defined()) whole = change;
      EXPECT_LE((change - whole).abs().max().item<double>(), 1e-12) << tokens;
    }
  }
}

/// The same in DP-SGD with users that are longer than a part.
TEST(EdpStep, AUserLongerThanAPartComesInPieces) {
  at::Tensor whole;
  for (const std::int64_t tokens : {1 << 20, 6}) {
    EdpFixture fixture;
    fixture.users = {{0, 1, 2}, {3}, {4, 5, 6, 7}};
    fixture.privacy.units = 3;
    fixture.privacy.expected_batch_size = 3;
    fixture.privacy.unit = privacy::Unit::kUser;
    fixture.privacy.slots = 0;
    fixture.privacy.clipping.rule = "flat";
    fixture.options.part_tokens = tokens;
    const auto step = fixture.make();
    const at::Tensor change = fixture.change(*step, 0);
    if (!whole.defined()) whole = change;
    EXPECT_LE((change - whole).abs().max().item<double>(), 1e-12) << tokens;
  }
}

TEST(EdpStep, AnEmptyBatchIsAFullNoisyStepDividedBySlots) {
  EdpFixture fixture;
  fixture.noise = true;
  fixture.privacy.placement = NoisePlacement::kPerLayer;
  fixture.privacy.schedule = {.kind = privacy::NoiseSchedule::Kind::kStep, .decay = 0.5};
  const auto step = fixture.make();
  const double bound = 0.7 / std::sqrt(static_cast<double>(fixture.layers.size()));
  for (const std::int64_t number : {0, 2, 4}) {  // two steps an epoch
    nn::LogicalBatch batch = step->sample(number);
    batch.indices.clear();
    batch.segment_offsets.assign(4, 0);
    const at::Tensor before = fixture.weights();
    const nn::StepReport report = step->run(batch, 1);
    EXPECT_EQ(report.examples, 0);
    const at::Tensor change = fixture.weights() - before;
    // Noise on every coordinate; on its grid it is zero with a chance of at most 4e-4.
    const std::int64_t still = change.numel() - at::count_nonzero(change).item<std::int64_t>();
    EXPECT_LE(still, 10);
    const double deviation = std::pow(0.5, static_cast<double>(number / 2)) * bound / 3;
    const double ratio = change.square().mean().item<double>() / (deviation * deviation);
    EXPECT_NEAR(ratio, 1, 5.33 * std::sqrt(2.0 / static_cast<double>(change.numel()))) << number;
  }
  ASSERT_EQ(fixture.charged.size(), 3U);
  EXPECT_EQ(privacy::flatten(fixture.charged[1]).phases[0].noise_multiplier * 2,
            privacy::flatten(fixture.charged[0]).phases[0].noise_multiplier);
}

TEST(EdpStep, ANonFiniteExampleTakesItsSlotAlong) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    EdpFixture fixture;
    fixture.kind = entry->name;
    fixture.privacy.expected_batch_size = 8;  // every example in every batch
    fixture.privacy.slots = 4;
    const auto step = fixture.make();
    const std::int64_t poisoned = testing::kWords - 1;
    for (std::int64_t& token : fixture.data.tokens) token %= poisoned;
    fixture.data.tokens[5] = poisoned;  // of example 2
    at::Tensor table;
    for (auto& [name, parameter] : trainable_of(*fixture.model)) {
      if (parameter.size(0) == testing::kWords) table = parameter;
    }
    {
      at::NoGradGuard no_grad;
      table[poisoned].fill_(std::nan(""));
    }
    nn::StepReport report;
    fixture.change(*step, 0, &report);
    EXPECT_EQ(report.non_finite, 1);
    EXPECT_TRUE(std::isfinite(report.loss_sum));
    at::NoGradGuard no_grad;
    table[poisoned].zero_();
    EXPECT_TRUE(at::isfinite(fixture.weights()).all().item<bool>()) << entry->name;
  }
}

TEST(EdpStep, ExamplesWithoutTokensAndSingleExamplesTrain) {
  for (const core::Entry* entry : tensor_registry().list("model")) {
    for (const std::string rule : {"flat", "per-layer", "auto-s", "global", "adaptive", "group-wise"}) {
      for (const std::int64_t slots : {0, 2}) {
        EdpFixture fixture;
        fixture.kind = entry->name;
        fixture.lengths = {0, 3, 0, 1};
        fixture.privacy.units = 4;
        fixture.privacy.expected_batch_size = 1;
        fixture.privacy.clipping.rule = rule;
        fixture.privacy.slots = slots;
        const auto step = fixture.make();
        for (const std::vector<std::int64_t>& indices :
             {std::vector<std::int64_t>{0}, {1}, {0, 2}, {0, 1, 2, 3}}) {
          nn::LogicalBatch batch = step->sample(0);
          batch.indices = indices;
          batch.segment_offsets = {0};
          const auto count = static_cast<std::int64_t>(indices.size());
          if (slots > 0) {
            batch.segment_offsets = {0, count / 2, count};
          } else {
            for (std::int64_t i = 1; i <= count; ++i) batch.segment_offsets.push_back(i);
          }
          EXPECT_EQ(step->run(batch, 0.1).non_finite, 0) << entry->name << " " << rule;
          EXPECT_TRUE(at::isfinite(fixture.weights()).all().item<bool>());
        }
      }
    }
  }
}

}  // namespace
}  // namespace discreet::dp
