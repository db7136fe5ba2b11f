#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/dp/internal/table_rows.h"
#include "discreet/dp/rule.h"
#include "synthetic_uses.h"
#include "tensor_registry.h"
#include "tests/nn/places.h"

namespace discreet::dp {
namespace {

using testing::SyntheticKind;
using testing::UseSpec;

struct RuleCase {
  std::string kind;
  UseSpec spec;
  std::size_t uses = 1;
  SegmentPlan plan = SegmentPlan::kAuto;
};

std::string describe(const RuleCase& c) {
  std::string text = c.kind + ", " + std::to_string(c.uses) + " uses, plan " +
                     std::to_string(static_cast<int>(c.plan)) + ", " + c10::toString(c.spec.type) +
                     ", lengths";
  for (const auto length : c.spec.lengths) text += " " + std::to_string(length);
  return text;
}

/// Runs the rule on random uses and compares norms and clipped sums with the definition.
void check_rule(const RuleCase& c) {
  SCOPED_TRACE(describe(c));
  const SyntheticKind kind = testing::synthetic_kinds().at(c.kind);
  core::ReproducibleRng rng(7, c.kind);
  const std::vector<at::Tensor> params = kind.make_params(c.spec);
  std::vector<nn::Use> uses;
  for (std::size_t u = 0; u < c.uses; ++u) uses.push_back(kind.make(c.spec, params, rng));

  const std::size_t segments = c.spec.lengths.size();
  std::vector<double> expected(segments, 0.0), factors(segments);
  std::vector<at::Tensor> expected_sums(kind.params);
  for (std::size_t s = 0; s < segments; ++s) {
    factors[s] = s % 3 == 2 ? 1.0 : 0.1 + rng.uniform();
    std::vector<at::Tensor> gradients(kind.params);
    for (const nn::Use& use : uses) {
      const auto& offsets = use.segments->offsets;
      const auto added = kind.gradient(use, offsets[s], offsets[s + 1]);
      for (std::size_t k = 0; k < kind.params; ++k) {
        gradients[k] = gradients[k].defined() ? gradients[k] + added[k] : added[k];
      }
    }
    for (std::size_t k = 0; k < kind.params; ++k) {
      if (!params[k].defined()) continue;
      expected[s] += gradients[k].square().sum().item<double>();
      const at::Tensor scaled = gradients[k] * factors[s];
      expected_sums[k] = expected_sums[k].defined() ? expected_sums[k] + scaled : scaled;
    }
  }

  nn::test::for_places([&](const nn::test::Place& place) {
    SCOPED_TRACE(place.name);
    const auto moved = [&](const at::Tensor& tensor) { return tensor.defined() ? tensor.to(place.device) : tensor; };
    std::vector<nn::Use> there = uses;
    for (nn::Use& use : there) {
      for (auto* list : {&use.inputs, &use.gradients}) std::ranges::transform(*list, list->begin(), moved);
    }
    const double tolerance = c.spec.type == at::kDouble ? 1e-10 : 1e-5;
    const auto rule = make_segment_rule(c.kind, {.plan = c.plan});
    std::vector<double> squared(segments, 0.25);  // the rule adds
    rule->add_squared_norms(there, squared);
    for (std::size_t s = 0; s < segments; ++s) {
      EXPECT_NEAR(squared[s] - 0.25, expected[s], tolerance * (1 + expected[s])) << "segment " << s;
    }
    std::vector<GradientSink> sinks(kind.params);
    std::vector<GradientSink*> targets(kind.params, nullptr);
    for (std::size_t k = 0; k < kind.params; ++k) {
      if (!params[k].defined()) continue;
      const auto type = at::TensorOptions(c.spec.type).device(place.device);
      sinks[k] = GradientSink(at::full(params[k].sizes(), 99.0, type));  // stale memory
      targets[k] = &sinks[k];
    }
    rule->add_clipped_sum(factors, targets);
    for (std::size_t k = 0; k < kind.params; ++k) {
      if (!params[k].defined() || segments == 0) continue;
      const at::Tensor sum = sinks[k].sum().to(at::kCPU, at::kDouble);
      const double error = (sum - expected_sums[k]).norm().item<double>();
      EXPECT_LE(error, tolerance * (1 + expected_sums[k].norm().item<double>())) << "parameter " << k;
    }
  });
}

const std::vector<std::vector<std::int64_t>>& length_sets() {
  static const std::vector<std::vector<std::int64_t>> sets = {
      {1, 1, 1}, {0, 3, 1, 9, 0}, {4, 4}, {17}, {33, 2, 5}, {0, 0}};
  return sets;
}

TEST(SegmentRules, EveryRegisteredKindIsTestedHere) {
  const auto known = testing::synthetic_kinds();
  const auto entries = tensor_registry().list("segment_rule");
  EXPECT_EQ(entries.size(), known.size());
  for (const core::Entry* entry : entries) {
    EXPECT_EQ(known.count(entry->name), 1U) << "no reference for the rule '" << entry->name << "'";
  }
}

TEST(SegmentRules, EqualTheDefinition) {
  tensor_registry();
  for (const auto& [name, kind] : testing::synthetic_kinds()) {
    for (const auto type : {at::kDouble, at::kFloat}) {
      for (const auto& lengths : length_sets()) check_rule({name, {lengths, type}});
    }
  }
}

TEST(SegmentRules, CombineSeveralUsesOfSharedParameters) {
  tensor_registry();
  for (const auto& [name, kind] : testing::synthetic_kinds()) {
    for (const std::size_t uses : {2, 3}) {
      for (const auto& lengths : length_sets()) {
        check_rule({name, {lengths, at::kDouble}, uses});
        check_rule({name, {lengths, at::kFloat}, uses});
      }
    }
  }
}

TEST(SegmentRules, EveryPlanGivesTheSame) {
  tensor_registry();
  for (const auto plan : {SegmentPlan::kKeep, SegmentPlan::kTiles, SegmentPlan::kGram}) {
    for (const auto& name : {"linear", "lstm", "gru", "conv1d", "tied_embedding"}) {
      for (const auto& lengths : length_sets()) {
        check_rule({name, {lengths, at::kDouble}, 1, plan});
        check_rule({name, {lengths, at::kFloat}, 2, plan});
      }
    }
  }
}

TEST(SegmentRules, LeaveFrozenParametersOut) {
  tensor_registry();
  for (const auto& [name, kind] : testing::synthetic_kinds()) {
    for (std::size_t frozen = 0; kind.params > 1 && frozen < kind.params; ++frozen) {
      std::vector<bool> pattern(kind.params, false);
      pattern[frozen] = true;
      for (const auto plan : {SegmentPlan::kKeep, SegmentPlan::kTiles, SegmentPlan::kGram}) {
        check_rule({name, {{0, 3, 1, 9}, at::kDouble, pattern}, 1, plan});
      }
    }
  }
}

/// A NaN or infinity anywhere in a segment's rows, with the factor 0 that follows from its norm.
TEST(SegmentRules, ABrokenSegmentLeavesNoTrace) {
  tensor_registry();
  for (const auto& [name, kind] : testing::synthetic_kinds()) {
    for (const auto plan : {SegmentPlan::kKeep, SegmentPlan::kTiles, SegmentPlan::kGram}) {
      for (const double poison : {std::nan(""), HUGE_VAL}) {
        for (const bool in_input : {false, true}) {
          SCOPED_TRACE(name + (in_input ? ", input" : ", gradient"));
          const UseSpec spec{{2, 3, 2}, at::kFloat};
          core::ReproducibleRng rng(3, name);
          const auto params = kind.make_params(spec);
          nn::Use use = kind.make(spec, params, rng);
          if (in_input && (use.inputs.empty() || !use.inputs[0].is_floating_point())) continue;
          at::Tensor& tensor = in_input ? use.inputs[0] : use.gradients[0];
          tensor[3].fill_(poison);
          const auto rule = make_segment_rule(name, {.plan = plan});
          std::vector<double> squared(3, 0.0);
          rule->add_squared_norms({use}, squared);
          EXPECT_FALSE(std::isfinite(squared[1]));
          EXPECT_TRUE(std::isfinite(squared[0]) && std::isfinite(squared[2]));
          std::vector<GradientSink> sinks(kind.params);
          std::vector<GradientSink*> targets;
          for (std::size_t k = 0; k < kind.params; ++k) {
            sinks[k] = GradientSink(at::empty(params[k].sizes(), at::kFloat));
            targets.push_back(&sinks[k]);
          }
          rule->add_clipped_sum(std::vector<double>{1, 0, 1}, targets);
          const auto& offsets = use.segments->offsets;
          const auto first = kind.gradient(use, offsets[0], offsets[1]);
          const auto last = kind.gradient(use, offsets[2], offsets[3]);
          for (std::size_t k = 0; k < kind.params; ++k) {
            const double error = (sinks[k].sum() - first[k] - last[k]).norm().item<double>();
            EXPECT_LE(error, 1e-5) << "parameter " << k;
          }
        }
      }
    }
  }
}

/// Inputs near 1000 and gradients that nearly cancel: a float Gram is off by some percent here.
TEST(SegmentRules, GramSurvivesCancellation) {
  tensor_registry();
  core::ReproducibleRng rng(5, "cancellation");
  const UseSpec spec{{32, 8}, at::kFloat};
  const SyntheticKind kind = testing::synthetic_kinds().at("linear");
  nn::Use use = kind.make(spec, kind.make_params(spec), rng);
  use.inputs[0].add_(1000);
  use.gradients[0] = at::cat({use.gradients[0].slice(0, 0, 32) - use.gradients[0].slice(0, 0, 32).mean(0),
                              use.gradients[0].slice(0, 32, 40) - use.gradients[0].slice(0, 32, 40).mean(0)});
  const auto rule = make_segment_rule("linear", {.plan = SegmentPlan::kGram});
  std::vector<double> squared(2, 0.0);
  rule->add_squared_norms({use}, squared);
  for (std::size_t s = 0; s < 2; ++s) {
    const auto gradient = kind.gradient(use, use.segments->offsets[s], use.segments->offsets[s + 1]);
    const double expected = (gradient[0].square().sum() + gradient[1].square().sum()).item<double>();
    EXPECT_NEAR(squared[s] / expected, 1, 1e-5);
  }
}

TEST(SegmentRules, AFiniteGradientWhoseGramOverflowsFloatKeepsItsNorm) {
  tensor_registry();
  core::ReproducibleRng rng(6, "overflow");
  const UseSpec spec{{3}, at::kFloat};
  const SyntheticKind kind = testing::synthetic_kinds().at("linear");
  nn::Use use = kind.make(spec, kind.make_params(spec), rng);
  use.inputs[0].mul_(1e25);
  use.gradients[0].mul_(1e-25);
  const auto rule = make_segment_rule("linear", {.plan = SegmentPlan::kGram});
  std::vector<double> squared(1, 0.0);
  rule->add_squared_norms({use}, squared);
  const double expected = kind.gradient(use, 0, 3)[0].square().sum().item<double>();
  EXPECT_NEAR(squared[0] / expected, 1, 1e-6);
}

/// Few entries and many, ids of one digit and of several, against a stable sort.
TEST(TableRows, EntriesComeByIdInTheOrderTheyCame) {
  core::ReproducibleRng rng(3, "entries");
  std::vector<internal::TableEntry> room;
  for (const std::uint64_t ids : {1ULL, 7ULL, 2048ULL, 5000ULL, 1ULL << 22, 1ULL << 40}) {
    for (const std::int64_t count : {0, 1, 2, 127, 128, 3000}) {
      std::vector<internal::TableEntry> entries;
      for (std::int64_t k = 0; k < count; ++k) entries.push_back({static_cast<std::int64_t>(rng.below(ids)), k, .5});
      std::vector<internal::TableEntry> expected = entries;
      std::stable_sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
      internal::order_by_id(entries, room);
      for (std::size_t k = 0; k < entries.size(); ++k) {
        ASSERT_EQ(entries[k].id, expected[k].id) << ids << " " << count;
        ASSERT_EQ(entries[k].row, expected[k].row) << ids << " " << count;
      }
    }
  }
}

TEST(SegmentRules, AnUnknownKindIsRefused) {
  tensor_registry();
  EXPECT_THROW(make_segment_rule("no_such_layer", {}), Error);
}

TEST(SegmentRules, LayersThatMixExamplesAreRefusedWithReasonAndReplacement) {
  tensor_registry();
  for (const char* kind : {"batch_norm", "sync_batch_norm", "in_batch_contrastive", "load_balancing"}) {
    try {
      make_segment_rule(kind, {});
      ADD_FAILURE() << kind << " has a rule";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kPrivacyRefused);
      EXPECT_NE(std::string(error.what()).find(kind), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("batch"), std::string::npos) << error.what();
      EXPECT_FALSE(error.hint().empty()) << kind;
    }
  }
}

}  // namespace
}  // namespace discreet::dp
