#include "discreet/privacy/statement.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/document.h"
#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

PrivacyRun usual() {
  PrivacyRun run;
  run.units = 13084;
  run.expected_batch_size = 130.84;
  run.clip_norm = 1;
  run.delta = 1e-5;
  run.phases = {{1.0, 0.01, 1000}};
  run.parameters = 1'000'000;
  return run;
}

bool mentions(const std::vector<std::string>& lines, const std::string& what) {
  for (const auto& line : lines) {
    if (line.find(what) != std::string::npos) return true;
  }
  return false;
}

std::string refusal(const PrivacyRun& run) {
  try {
    state_privacy(run);
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), 5) << e.what();
    return e.what();
  }
  return "";
}

TEST(Statement, SaysUnitRelationSamplingAccountantAndNumbers) {
  const PrivacyStatement s = state_privacy(usual());
  EXPECT_NEAR(s.epsilon.value, 2.10136527, 1e-7);
  // Rounded up: 2.101 would promise more than holds.
  EXPECT_NE(s.words.find("epsilon = 2.102, delta = 1e-05"), std::string::npos) << s.words;
  for (const char* part : {"per example", "adding or removing", "Poisson", "rdp",
                           "1000 noisy steps", "noise multiplier 1 "}) {
    EXPECT_NE(s.words.find(part), std::string::npos) << part << " in: " << s.words;
  }
  EXPECT_TRUE(s.document["guarantee"].get<bool>());
  EXPECT_EQ(s.document["unit"], "example");
  EXPECT_EQ(s.document["relation"], "add_or_remove_one");
  EXPECT_EQ(s.document["sampling"], "poisson");
  EXPECT_GT(s.unamplified_epsilon, 100 * s.epsilon.value);
  EXPECT_TRUE(s.warnings.empty()) << s.warnings[0];
  EXPECT_TRUE(mentions(s.caveats, "Floating-point protection is absent"));
  EXPECT_TRUE(mentions(s.caveats, "non-finite"));
}

TEST(Statement, DocumentKeepsItsSchemaAndReadsBack) {
  for (const bool published : {false, true}) {
    PrivacyRun run = usual();
    run.has_user_column = run.vocabulary_from_private_text = true;
    run.development_data_public = true;
    run.gaps = "The label set is public.";
    if (published) run.phases_as_published = {{2.0, 0.01, 1000}};
    const Json document = state_privacy(run).document;
    core::validate_document(document, "statement");
    const Json again = state_privacy(privacy_run_of(Json::parse(document.dump()))).document;
    EXPECT_EQ(again, document);
  }
  Json broken = state_privacy(usual()).document;
  broken["unit"] = "word";
  EXPECT_THROW(privacy_run_of(broken), Error);
  broken = state_privacy(usual()).document;
  broken.erase("phases");
  EXPECT_THROW(privacy_run_of(broken), Error);
  EXPECT_THROW(privacy_run_of(Json::array()), Error);
}

TEST(Statement, EveryGapIsACaveat) {
  PrivacyRun run = usual();
  run.vocabulary_from_private_text = run.labels_from_private_text = true;
  run.development_data_private = run.tuned_on_same_data = run.has_user_column = true;
  const PrivacyStatement s = state_privacy(run);
  for (const char* part : {"vocabulary was built from private text", "label set",
                           "Decisions on private development data", "Other runs", "the unit is example"}) {
    EXPECT_TRUE(mentions(s.caveats, part)) << part;
  }
  EXPECT_TRUE(mentions(s.warnings, "user column"));
  run.unit = Unit::kUser;
  EXPECT_FALSE(mentions(state_privacy(run).warnings, "user column"));
}

TEST(Statement, ThatDevelopmentDataArePublicIsSomebodysWord) {
  PrivacyRun run = usual();
  run.development_data_public = true;
  const PrivacyStatement s = state_privacy(run);
  EXPECT_TRUE(mentions(s.caveats, "calls public (data.dev_public)"));
  EXPECT_FALSE(mentions(s.caveats, "private development data"));
  // Documents that are older than the key say neither.
  Json old = s.document;
  old["assumptions"].erase("development_data_public");
  EXPECT_FALSE(privacy_run_of(old).development_data_public);
}

TEST(Statement, WithoutNoiseOrSecrecyNothingIsGuaranteed) {
  PrivacyRun silent = usual();
  silent.phases = {{0, 0.01, 10}};
  const PrivacyStatement s = state_privacy(silent);
  EXPECT_TRUE(std::isinf(s.epsilon.value));
  EXPECT_EQ(s.document["epsilon"], "inf");
  EXPECT_FALSE(s.document["guarantee"].get<bool>());
  EXPECT_NE(s.words.find("Nothing is guaranteed"), std::string::npos);
  core::validate_document(s.document, "statement");

  PrivacyRun seeded = usual();
  seeded.insecure_seed = true;
  const PrivacyStatement t = state_privacy(seeded);
  EXPECT_FALSE(t.document["guarantee"].get<bool>());
  EXPECT_TRUE(mentions(t.caveats, "--insecure-seed"));
  EXPECT_NE(t.words.find("Nothing is guaranteed"), std::string::npos);
}

TEST(Statement, WarnsOfDeltaTargetAndLargeEpsilon) {
  PrivacyRun run = usual();
  run.units = 1000;
  run.delta = 1e-3;
  EXPECT_TRUE(mentions(state_privacy(run).warnings, "1/n"));
  run = usual();
  run.target_epsilon = 2;
  EXPECT_TRUE(mentions(state_privacy(run).warnings, "above the target"));
  run.phases = {{0.3, 0.01, 1000}};
  EXPECT_TRUE(mentions(state_privacy(run).warnings, "alone promises little"));
}

TEST(Statement, EvaluatesWhatDrawingTheNoiseCosts) {
  PrivacyRun run = usual();
  const Json plain = state_privacy(run).document["noise"];
  EXPECT_TRUE(plain["holds"].get<bool>());
  EXPECT_EQ(plain["draws"], 1e9);
  EXPECT_EQ(plain["protection"], "none");
  EXPECT_EQ(plain["epsilon_cost"], 0);
  run.floating_point_protection = true;
  const PrivacyStatement protected_run = state_privacy(run);
  const Json& grid = protected_run.document["noise"];
  EXPECT_TRUE(grid["holds"].get<bool>());
  EXPECT_EQ(grid["protection"], "grid");
  EXPECT_GT(grid["epsilon_cost"].get<double>(), 0);
  EXPECT_LT(grid["epsilon_cost"].get<double>(), 2e-5);
  EXPECT_FALSE(mentions(protected_run.caveats, "Floating-point protection is absent"));
  EXPECT_NE(protected_run.words.find("rounded to a grid"), std::string::npos);
  run.parameters = 1'000'000'000'000'000;
  const PrivacyStatement s = state_privacy(run);
  EXPECT_FALSE(s.document["noise"]["holds"].get<bool>());
  EXPECT_TRUE(mentions(s.caveats, "Drawing the noise adds"));
  run.parameters.reset();
  EXPECT_TRUE(state_privacy(run).document["noise"].is_null());
}

TEST(Statement, RefusesWhatCannotBeStated) {
  PrivacyRun run = usual();
  EXPECT_EQ(refusal(run), "");
  run.mechanism = "none";
  EXPECT_NE(refusal(run), "");
  run = usual();
  run.accountant = "gdp";
  EXPECT_NE(refusal(run).find("no guarantee"), std::string::npos);
  run = usual();
  run.accountant = "analytic";
  EXPECT_NE(refusal(run), "");
  run = usual();
  run.relation = Relation::kReplaceOne;
  EXPECT_NE(refusal(run).find("replace_one"), std::string::npos);
  run = usual();
  run.sampling = Sampling::kShuffled;  // A Poisson rate with shuffled batches.
  EXPECT_NE(refusal(run).find("shuffled"), std::string::npos);
  run.phases = {{5.0, 1, 10}};
  EXPECT_NE(refusal(run).find("fixed size"), std::string::npos);
  run.relation = Relation::kReplaceOne;
  EXPECT_EQ(refusal(run), "");
  run = usual();
  run.phases.clear();
  EXPECT_NE(refusal(run), "");
  run = usual();
  run.accountant = "rpd";
  EXPECT_THROW(state_privacy(run), Error);
  run = usual();
  run.phases = {{1, 1.5, 10}};
  EXPECT_THROW(state_privacy(run), Error);
}

TEST(Statement, ShuffledEpochsCostTheAnalyticGaussian) {
  PrivacyRun run = usual();
  run.sampling = Sampling::kShuffled;
  run.relation = Relation::kReplaceOne;
  run.accountant = "analytic";
  run.phases = {{4.0, 1, 16}};
  EXPECT_NEAR(state_privacy(run).epsilon.value, 4.377178095681, 1e-9);
}

TEST(Statement, AFixedOrderNeedsItsPatternAndNeighboursOfOneSize) {
  PrivacyRun run = usual();
  run.mechanism = "dp-ftrl";
  run.sampling = Sampling::kFixedOrder;
  run.relation = Relation::kZeroOut;
  run.phases = {{4.0, 1, 16}};
  run.accountant = "analytic";
  EXPECT_NE(refusal(run).find("pattern"), std::string::npos);
  run.matrix = {.strategy = "banded", .memory = 15, .participations = 16, .separation = 100,
                .prefix_noise = 3, .independent_prefix_noise = 30};
  run.steps = 1600;
  const PrivacyStatement s = state_privacy(run);
  EXPECT_NEAR(s.epsilon.value, 4.377178095681, 1e-9);
  EXPECT_EQ(s.document["steps"], 1600);
  EXPECT_EQ(s.document["noise"]["draws"], 1.6e9);
  EXPECT_NE(s.words.find("1600 noisy steps"), std::string::npos);
  EXPECT_NE(s.words.find("at most 16 participations of an example, at least 100 steps apart"), std::string::npos);
  core::validate_document(s.document, "statement");
  const PrivacyRun again = privacy_run_of(s.document);
  EXPECT_EQ(state_privacy(again).document, s.document);
  run.relation = Relation::kAddOrRemoveOne;
  EXPECT_NE(refusal(run).find("how many there are"), std::string::npos);
  run.relation = Relation::kZeroOut;
  run.phases = {{4.0, 0.5, 16}};
  EXPECT_NE(refusal(run).find("fixed_order"), std::string::npos);
  run.sampling = Sampling::kCyclicPoisson;
  run.accountant = "rdp";
  EXPECT_EQ(refusal(run), "");
}

TEST(Statement, AWholeEventCountsInPlaceOfPhases) {
  PrivacyRun run = usual();
  run.event = Event::repeat_and_select({1, 10}, event_of(run.phases));
  const PrivacyStatement s = state_privacy(run);
  EXPECT_NEAR(s.epsilon.value, 4.103271, 2e-4) << "the best of ten runs, not one run";
  EXPECT_FALSE(s.unamplified_epsilon.has_value());
  core::validate_document(s.document, "here");
  const PrivacyRun again = privacy_run_of(Json::parse(s.document.dump()));
  ASSERT_TRUE(again.event.has_value());
  EXPECT_DOUBLE_EQ(state_privacy(again).epsilon.value, s.epsilon.value);
  run.phases.clear();
  EXPECT_DOUBLE_EQ(state_privacy(run).epsilon.value, s.epsilon.value);
  run.accountant = "prv";
  EXPECT_NE(refusal(run).find("rdp"), std::string::npos);
}

TEST(Statement, EventsAreHeldToTheirRelation) {
  PrivacyRun run = usual();
  run.phases.clear();
  run.sampling = Sampling::kWithoutReplacement;
  run.event = Event::self_composed(
      Event::sampled_without_replacement(1000, 10, Event::gaussian(NoiseMultiplier(2))), 100);
  EXPECT_NE(refusal(run).find("replace_one"), std::string::npos);
  run.relation = Relation::kReplaceOne;
  EXPECT_EQ(refusal(run), "");
  EXPECT_NE(state_privacy(run).words.find("fixed size"), std::string::npos);
  run.sampling = Sampling::kTruncatedPoisson;
  run.accountant = "pld";
  run.event = Event::truncated_poisson_sampled(SamplingRate(.01), 1000, 15,
                                               Event::gaussian(NoiseMultiplier(2)));
  EXPECT_NE(refusal(run), "");
  run.relation = Relation::kZeroOut;
  EXPECT_EQ(refusal(run), "");
}

TEST(Statement, WhatWasSpentReplacesWhatWasPlanned) {
  PrivacyRun run = usual();
  set_spent(run, event_of({{1.0, .01, 1100}}));
  EXPECT_EQ(run.phases, (std::vector<Phase>{{1.0, .01, 1100}}));
  EXPECT_FALSE(run.event.has_value());
  // A release that phases cannot say is not lost.
  const Event more = Event::composed({event_of({{1.0, .01, 1100}}), Event::pure_dp(Epsilon(1))});
  const double without = state_privacy(run).epsilon.value;
  set_spent(run, more);
  EXPECT_GT(state_privacy(run).epsilon.value, without + .5);
  set_spent(run, Event::composed({more, Event::non_private()}));
  EXPECT_FALSE(state_privacy(run).document["guarantee"].get<bool>());
}

TEST(Statement, RefusesBatchesThatCannotBe) {
  for (const double batch : {0.0, -1.0, HUGE_VAL, std::nan(""), 20000.0}) {
    PrivacyRun run = usual();
    run.expected_batch_size = batch;
    try {
      state_privacy(run);
      ADD_FAILURE() << batch;
    } catch (const Error& e) {
      EXPECT_EQ(e.exit_code(), 2) << batch;
    }
  }
}

}  // namespace
}  // namespace discreet::privacy
