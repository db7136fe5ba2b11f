#include "discreet/privacy/event.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

Event sampled(double z, double q) {
  return Event::poisson_sampled(SamplingRate(q), Event::gaussian(NoiseMultiplier(z)));
}

TEST(Types, ErrorsNameValueAndBound) {
  const auto message = [](auto make) -> std::string {
    try {
      make();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUsage);
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(message([] { SamplingRate(1.5); }), "sampling_rate = 1.5: expected a number in [0, 1]");
  EXPECT_EQ(message([] { ClipNorm(0); }), "clip_norm = 0: expected a number in (0, inf)");
  EXPECT_EQ(message([] { NoiseMultiplier{HUGE_VAL}; }),
            "noise_multiplier = inf: expected a number in [0, inf)");
  EXPECT_EQ(message([] { Delta(std::nan("")); }), "delta = nan: expected a number in [0, 1]");
  EXPECT_EQ(message([] { Epsilon(-1); }), "epsilon = -1: expected a number in [0, inf]");
  EXPECT_EQ(message([] { NoiseMultiplier(0); }), "no error");
  EXPECT_NE(message([] { unit_of("word"); }).find("unit 'word'"), std::string::npos);
}

TEST(Types, NamesReadBack) {
  for (const auto unit : {Unit::kExample, Unit::kUser}) {
    EXPECT_EQ(unit_of(std::string(name(unit))), unit);
  }
  for (const auto relation :
       {Relation::kAddOrRemoveOne, Relation::kZeroOut, Relation::kReplaceOne}) {
    EXPECT_EQ(relation_of(std::string(name(relation))), relation);
  }
  for (const auto sampling : {Sampling::kPoisson, Sampling::kFullBatch, Sampling::kShuffled,
                              Sampling::kTruncatedPoisson, Sampling::kWithoutReplacement}) {
    EXPECT_EQ(sampling_of(std::string(name(sampling))), sampling);
  }
  EXPECT_EQ(sensitivity_factor(Relation::kAddOrRemoveOne), 1);
  EXPECT_EQ(sensitivity_factor(Relation::kReplaceOne), 2);
}

TEST(Event, JsonReadsBackEqual) {
  const Event event = Event::composed({Event::self_composed(sampled(1.1, 0.01), 1000),
                                       Event::gaussian(NoiseMultiplier(0.1)), Event::non_private(),
                                       Event::unsupported("shuffle"), Event::composed({}),
                                       Event::laplace(NoiseMultiplier(3)),
                                       Event::pure_dp(Epsilon(0.5)), Event::pure_dp(Epsilon(HUGE_VAL)),
                                       Event::truncated_poisson_sampled(SamplingRate(0.1), 100, 20,
                                                                        sampled(1, 1)),
                                       Event::sampled_without_replacement(100, 10, sampled(2, 1)),
                                       Event::shuffled_epoch(sampled(1, 1)),
                                       Event::matrix_mechanism(NoiseMultiplier(1.5),
                                                               {"banded", 100, 4, 25, 2.0}),
                                       Event::cyclic_poisson_banded(NoiseMultiplier(1.5),
                                                                    SamplingRate(0.3), 100, 9),
                                       Event::repeat_and_select({HUGE_VAL, 10}, sampled(1, 0.1)),
                                       Event::repeat_and_select({0, 10}, sampled(1, 0.1))});
  const Event again = Event::from_json(Json::parse(event.to_json().dump()));
  EXPECT_TRUE(again == event) << event.to_json();
  EXPECT_FALSE(again == sampled(1.1, 0.01));
}

TEST(Event, UnknownKindsReadAsUnsupportedAndBrokenOnesAreRefused) {
  EXPECT_EQ(Event::from_json(Json::parse(R"({"kind":"exponential_mechanism","scale":1})")).kind(),
            Event::Kind::kUnsupported);
  for (const char* text :
       {"3", "{}", R"({"kind":3})", R"({"kind":"gaussian"})",
        R"({"kind":"gaussian","noise_multiplier":-1})",
        R"({"kind":"gaussian","noise_multiplier":"1"})",
        R"({"kind":"poisson_sampled","sampling_rate":2,"event":{"kind":"non_private"}})",
        R"({"kind":"self_composed","count":1.5,"event":{"kind":"non_private"}})",
        R"({"kind":"self_composed","count":-2,"event":{"kind":"non_private"}})",
        R"({"kind":"composed","events":{}})", R"({"kind":"laplace"})",
        R"({"kind":"pure_dp","epsilon":"much"})",
        R"({"kind":"truncated_poisson_sampled","sampling_rate":0.1,"units":0,"cap":3,"event":{"kind":"non_private"}})",
        R"({"kind":"sampled_without_replacement","units":10,"batch":11,"event":{"kind":"non_private"}})",
        R"({"kind":"repeat_and_select","shape":1,"mean":0,"event":{"kind":"non_private"}})",
        R"({"kind":"matrix_mechanism","noise_multiplier":1,"strategy":"tree","steps":1,"participations":0,"separation":0,"sensitivity":1})",
        R"({"kind":"cyclic_poisson_banded","noise_multiplier":1,"sampling_rate":0.1,"steps":10,"bands":0})"}) {
    try {
      Event::from_json(Json::parse(text));
      ADD_FAILURE() << text << " was accepted";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData) << text;
    }
  }
  Json deep = {{"kind", "non_private"}};
  for (int i = 0; i < 100; ++i) deep = {{"kind", "self_composed"}, {"count", 1}, {"event", deep}};
  EXPECT_THROW(Event::from_json(deep), Error);
}

TEST(Flatten, MergesEqualGroupsAndDropsEmptyOnes) {
  const FlatEvent flat = flatten(Event::composed(
      {Event::self_composed(sampled(1, 0.1), 5), sampled(2, 0.1), sampled(1, 0.1), sampled(1, 0),
       Event::self_composed(Event::composed({sampled(2, 0.1), sampled(1, 0.1)}), 3),
       Event::self_composed(Event::non_private(), 0)}));
  EXPECT_TRUE(flat.unsupported.empty());
  EXPECT_FALSE(flat.non_private);
  EXPECT_EQ(flat.phases, (std::vector<Phase>{{1, 0.1, 9}, {2, 0.1, 4}}));
  EXPECT_EQ(flat.steps(), 13);
}

TEST(Flatten, SeveralGaussiansOfOneBatchAreOne) {
  const Event both =
      Event::composed({Event::gaussian(NoiseMultiplier(3)),
                       Event::self_composed(Event::gaussian(NoiseMultiplier(6)), 4)});
  const FlatEvent flat = flatten(Event::poisson_sampled(SamplingRate(0.5), both));
  ASSERT_EQ(flat.phases.size(), 1u);
  EXPECT_DOUBLE_EQ(flat.phases[0].noise_multiplier, 1 / std::sqrt(1.0 / 9 + 4.0 / 36));
  EXPECT_DOUBLE_EQ(effective_multiplier({1, 1, 1, 1, 1}, {3, 6, 6, 6, 6}),
                   flat.phases[0].noise_multiplier);
}

TEST(Flatten, NoNoiseIsNonPrivateAndUnknownIsNamed) {
  EXPECT_TRUE(flatten(sampled(0, 0.1)).non_private);
  EXPECT_FALSE(flatten(sampled(0, 0)).non_private);
  EXPECT_TRUE(flatten(Event::poisson_sampled(SamplingRate(0.1), Event::non_private())).non_private);
  EXPECT_EQ(flatten(Event::composed({Event::unsupported("tree"), sampled(1, 1)})).unsupported,
            "tree");
  EXPECT_NE(flatten(Event::poisson_sampled(SamplingRate(0.1), sampled(1, 0.1))).unsupported, "");
  const Event huge =
      Event::self_composed(Event::self_composed(sampled(1, 1), 1ll << 40), 1ll << 40);
  EXPECT_EQ(flatten(huge).unsupported, "more than 2^63 steps");
}

TEST(EffectiveMultiplier, IsSensitivityCorrectionOfMicroBatches) {
  // Per-layer noise sigma C_l on 4 layers of C_l = C/2 with sensitivity 2 C_l: sigma / (2 sqrt 4).
  EXPECT_DOUBLE_EQ(effective_multiplier({1, 1, 1, 1}, {1.5 / 2, 1.5 / 2, 1.5 / 2, 1.5 / 2}), 0.375);
  // Noise of sigma C on every layer: sigma / 2.
  EXPECT_DOUBLE_EQ(effective_multiplier({1, 1, 1, 1}, {1.5, 1.5, 1.5, 1.5}), 0.75);
  EXPECT_EQ(effective_multiplier({1, 1}, {1, 0}), 0);
  EXPECT_TRUE(std::isinf(effective_multiplier({}, {})));
  EXPECT_THROW(effective_multiplier({-1}, {1}), Error);
  EXPECT_THROW(effective_multiplier({1}, {}), Error);
}

}  // namespace
}  // namespace discreet::privacy
