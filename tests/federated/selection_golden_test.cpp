// Reference values computed in double precision by an independent program, and properties of designs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <set>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

const std::vector<double> kActivity = {1, 2, 3, 4};

void expect_near(const std::vector<double>& got, const std::vector<double>& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], tolerance) << i;
}

TEST(SelectionProbabilities, ReferenceValues) {
  const SelectionInput input{.activity = kActivity, .round = 1};
  const SelectionOptions options{.gamma = 0.5, .temperature = 2, .uniform_share = 0.2};
  const auto p = [&](const char* name) { return selection_probabilities(name, input, options); };
  expect_near(p("uniform"), {0.25, 0.25, 0.25, 0.25}, 1e-12);
  expect_near(p("activity"), {0.1, 0.2, 0.3, 0.4}, 1e-12);
  expect_near(p("tempered"), {0.1627004534, 0.2300931879, 0.2818054518, 0.3254009069}, 1e-9);
  expect_near(p("log"), {0.1447829506, 0.2294755475, 0.2895659012, 0.3361756007}, 1e-9);
  expect_near(p("softmax"), {0.1015363241, 0.1674050973, 0.2760043447, 0.4550542339}, 1e-9);
  expect_near(p("mixture"), {0.13, 0.21, 0.29, 0.37}, 1e-12);
  SelectionOptions pool = options;
  pool.least = 3;
  expect_near(selection_probabilities("threshold", input, pool), {0, 0, 0.5, 0.5}, 1e-12);
  pool.top_share = 0.75;
  expect_near(selection_probabilities("threshold", input, pool), {0, 1. / 3, 1. / 3, 1. / 3}, 1e-12);
  EXPECT_THROW(selection_probabilities("softmax", input, {}), Error);
}

TEST(SelectionProbabilities, WhoHasNothingIsNeverSelected) {
  const std::vector<double> activity = {0, 5, 0, 1};
  const SelectionInput input{.activity = activity, .round = 1};
  SelectionOptions options{.cohort = 3, .temperature = 2};
  for (const auto* entry : core::registry().list("selection")) {
    const auto rule = *std::any_cast<SelectionRule>(&entry->make);
    if (rule.weights == nullptr || rule.reads_models) continue;
    const auto p = selection_probabilities(entry->name, input, options);
    EXPECT_EQ(p[0], 0) << entry->name;
    EXPECT_NEAR(p[1] + p[3], 1, 1e-12) << entry->name;
    const Selection selection = select_clients(entry->name, input, options, 1);
    EXPECT_EQ(selection.clients, (std::vector<std::int64_t>{1, 3})) << entry->name;
    EXPECT_EQ(selection.notes.size(), 2u) << entry->name;
  }
}

TEST(SuccessiveSampling, InclusionByEnumeration) {
  const auto inclusion = successive_inclusion(kActivity, 2);
  EXPECT_EQ(inclusion.method, "exact");
  expect_near(inclusion.probability, {197. / 840, 139. / 315, 73. / 120, 451. / 630}, 1e-12);
}

TEST(SuccessiveSampling, QuadratureEqualsEnumeration) {
  // 17 devices go by quadrature; two of them have so small a weight that 15 are nearly all there is,
  // and three of the 17 values are checked against an enumeration over 16.
  std::vector<double> weights;
  for (int k = 1; k <= 16; ++k) weights.push_back(k * k);
  const auto exact = successive_inclusion(weights, 5);
  weights.push_back(1e-13);
  const auto quadrature = successive_inclusion(weights, 5);
  EXPECT_EQ(quadrature.method, "quadrature");
  for (std::size_t k = 0; k < 16; ++k) {
    EXPECT_NEAR(quadrature.probability[k], exact.probability[k], 1e-9) << k;
  }
  EXPECT_NEAR(std::accumulate(quadrature.probability.begin(), quadrature.probability.end(), 0.0), 5, 1e-8);
}

TEST(SuccessiveSampling, ApproximationStatesItsError) {
  std::vector<double> weights;
  for (int k = 1; k <= 600; ++k) weights.push_back(1000.0 / std::pow(k, 1.2));  // heavy tail
  const auto inclusion = successive_inclusion(weights, 20);
  EXPECT_EQ(inclusion.method, "approximation");
  EXPECT_LT(inclusion.error, 0.02);
  EXPECT_NEAR(std::accumulate(inclusion.probability.begin(), inclusion.probability.end(), 0.0), 20, 1e-6);
  // Against drawing: 20,000 cohorts; five standard errors of the heaviest and the middle device.
  core::ReproducibleRng rng(3, "draws");
  std::vector<int> drawn(600, 0);
  constexpr int kRounds = 20000;
  for (int r = 0; r < kRounds; ++r) {
    for (const auto k : draw_successive(weights, 20, [&] { return rng.uniform(); })) ++drawn[static_cast<std::size_t>(k)];
  }
  for (const std::size_t k : {0u, 1u, 5u, 20u, 100u, 300u}) {
    const double pi = inclusion.probability[k];
    EXPECT_NEAR(drawn[k] / double(kRounds), pi, 5 * std::sqrt(pi * (1 - pi) / kRounds) + inclusion.error * pi) << k;
  }
}

TEST(SuccessiveSampling, PairsComeWithTheirProbabilities) {
  const std::vector<std::pair<std::vector<std::int64_t>, double>> pairs = {
      {{0, 1}, 17. / 360}, {{0, 2}, 8. / 105}, {{0, 3}, 1. / 9}, {{1, 2}, 9. / 56}, {{1, 3}, 7. / 30}, {{2, 3}, 13. / 35}};
  const SelectionOptions options{.cohort = 2};
  std::map<std::vector<std::int64_t>, int> seen;
  constexpr int kRounds = 40000;
  for (int r = 1; r <= kRounds; ++r) {
    ++seen[select_clients("activity", {.activity = kActivity, .round = r}, options, 7).clients];
  }
  for (const auto& [pair, p] : pairs) {
    EXPECT_NEAR(seen[pair] / double(kRounds), p, 5 * std::sqrt(p * (1 - p) / kRounds));
  }
}

TEST(OtherDesigns, ReferenceValues) {
  expect_near(with_replacement_inclusion(kActivity, 2).probability, {0.19, 0.36, 0.51, 0.64}, 1e-12);
  expect_near(successive_inclusion(std::vector<double>{1, 1, 1, 1}, 2).probability, {0.5, 0.5, 0.5, 0.5}, 1e-15);
  const std::vector<double> heavy = {1, 1, 2, 8};
  expect_near(poisson_rates(heavy, 2), {1. / 6, 1. / 6, 1. / 3, 1}, 1e-12);
  expect_near(waterfill_rates(heavy, 2), {0.25, 0.25, 0.5, 1}, 1e-12);
  expect_near(waterfill_rates(heavy, 9), {1, 1, 1, 1}, 1e-12);
  expect_near(waterfill_rates(std::vector<double>{0, 1, 1}, 1), {0, 0.5, 0.5}, 1e-12);
}

TEST(Selection, ACohortHasNoDuplicatesAndDependsOnSeedAndRoundAlone) {
  std::vector<double> activity(50, 1);
  activity[7] = 1000;
  const SelectionOptions options{.cohort = 10};
  const auto draw = [&](std::int64_t round, std::uint64_t seed) {
    return select_clients("activity", {.activity = activity, .round = round, .want_inclusion = false}, options, seed).clients;
  };
  for (std::int64_t round = 1; round < 50; ++round) {
    const auto cohort = draw(round, 1);
    EXPECT_EQ(std::adjacent_find(cohort.begin(), cohort.end()), cohort.end());
    EXPECT_EQ(cohort.size(), 10u);
    EXPECT_EQ(draw(round, 1), cohort);
  }
  EXPECT_NE(draw(1, 1), draw(2, 1));
  EXPECT_NE(draw(1, 1), draw(1, 2));
}

TEST(AggregationWeights, ExpectationsUnderSuccessiveSampling) {
  const std::vector<double> x = {1, -2, 0.5, 3};
  const auto pi = successive_inclusion(kActivity, 2).probability;
  const std::vector<std::pair<std::vector<std::size_t>, double>> pairs = {
      {{0, 1}, 17. / 360}, {{0, 2}, 8. / 105}, {{0, 3}, 1. / 9}, {{1, 2}, 9. / 56}, {{1, 3}, 7. / 30}, {{2, 3}, 13. / 35}};
  const auto expectation = [&](AggregationWeights kind) {
    double mean = 0;
    for (const auto& [pair, p] : pairs) {
      const std::vector<double> n = {kActivity[pair[0]], kActivity[pair[1]]};
      const std::vector<double> chance = {pi[pair[0]], pi[pair[1]]};
      const auto w = aggregation_weights(kind, {.examples = n, .inclusion = chance, .all_examples = 10, .expected_cohort = 2});
      mean += p * (w[0] * x[pair[0]] + w[1] * x[pair[1]]);
    }
    return mean;
  };
  EXPECT_NEAR(expectation(AggregationWeights::kHorvitzThompson), 1.05, 1e-12);
  EXPECT_NEAR(expectation(AggregationWeights::kExamples), 1.236366213, 1e-9);
  EXPECT_NEAR(expectation(AggregationWeights::kUniform), 0.9018849206, 1e-9);
}

TEST(AggregationWeights, ExamplesNotBatchesAndUnknownInclusionIsRefused) {
  const std::vector<double> n = {33, 32};
  const auto w = aggregation_weights(AggregationWeights::kExamples, {.examples = n});
  EXPECT_NEAR(w[0], 33. / 65, 1e-15);
  EXPECT_THROW(aggregation_weights(AggregationWeights::kHorvitzThompson, {.examples = n, .all_examples = 65}), Error);
  const std::vector<double> zero = {0.5, 0};
  EXPECT_THROW(aggregation_weights(AggregationWeights::kHajek, {.examples = n, .inclusion = zero}), Error);
  const auto fixed = aggregation_weights(AggregationWeights::kFixed, {.examples = n, .expected_cohort = 4});
  EXPECT_EQ(fixed, (std::vector<double>{0.25, 0.25}));
}

TEST(CostlyStrategies, ReadTheirSignals) {
  const std::vector<double> activity = {5, 5, 5, 5, 5, 5};
  const std::vector<double> loss = {1, 6, 2, 5, 3, 4};
  SelectionOptions options{.cohort = 2, .candidates = 6};
  Selection chosen = select_clients("power-of-choice", {.activity = activity, .loss = loss, .round = 1}, options, 1);
  EXPECT_EQ(chosen.clients, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(chosen.cost.models_down, 6);
  EXPECT_EQ(chosen.cost.examples_read, 30);
  EXPECT_EQ(chosen.inclusion.method, "unknown");
  EXPECT_THROW(select_clients("power-of-choice", {.activity = activity, .round = 1}, options, 1), Error);

  // Two groups of gradients and a lone one: three clients stand for all if one of each is taken.
  const std::vector<float> gradients = {0, 0, 0.1f, 0, 0, 0.1f, 10, 0, 10.1f, 0, 0, 50};
  options.cohort = 3;
  chosen = select_clients("divfl", {.activity = activity, .gradients = gradients, .gradient_size = 2, .round = 1}, options, 1);
  ASSERT_EQ(chosen.clients.size(), 3u);
  EXPECT_LT(chosen.clients[0], 3);
  EXPECT_TRUE(chosen.clients[1] == 3 || chosen.clients[1] == 4);
  EXPECT_EQ(chosen.clients[2], 5);
  EXPECT_EQ(chosen.cost.numbers_up, 12);

  const double unknown = std::nan("");
  const std::vector<double> root = {1, 100, unknown, 2, unknown, 3};
  options.exploration = options.least_exploration = 0.34;
  chosen = select_clients("oort", {.activity = activity, .root_mean_square_loss = root, .round = 1}, options, 1);
  ASSERT_EQ(chosen.clients.size(), 3u);
  const auto has = [&](std::int64_t k) { return std::find(chosen.clients.begin(), chosen.clients.end(), k) != chosen.clients.end(); };
  EXPECT_TRUE(has(1) && has(5) && (has(2) || has(4)));
  const std::vector<double> seconds = {1, 100, 1, 1, 1, 1};
  options.preferred_seconds = 1;  // 100 (1/100)^2 = .01: the slow one loses its place
  chosen = select_clients("oort", {.activity = activity, .root_mean_square_loss = root, .seconds = seconds, .round = 1}, options, 1);
  EXPECT_FALSE(has(1));

  const std::vector<double> norms = {0, 0, 1, 0, 0, 1};
  options.cohort = 2;
  chosen = select_clients("update-norm", {.activity = activity, .update_norm = norms, .round = 1}, options, 1);
  EXPECT_EQ(chosen.clients, (std::vector<std::int64_t>{2, 5}));
}

TEST(SelectionPrivacy, OnlyPublicRatesAmplify) {
  const std::vector<double> activity = {1, 1, 2, 8};
  const SelectionInput input{.activity = activity, .round = 1};
  SelectionOptions options{.cohort = 2, .design = "poisson"};
  const auto code = [&](const char* strategy) {
    try {
      selection_privacy(strategy, input, options);
    } catch (const Error& error) {
      return error.exit_code();
    }
    return 0;
  };
  EXPECT_EQ(code("activity"), 5);
  options.public_rate = 0.05;
  EXPECT_EQ(code("activity"), 5);  // no cap
  options.activity_cap = 4;
  const auto privacy = selection_privacy("activity", input, options);
  EXPECT_EQ(privacy.kind, SelectionPrivacy::Kind::kPoisson);
  EXPECT_DOUBLE_EQ(privacy.sampling_rate, 0.2);
  expect_near(privacy.device_rate, {0.05, 0.05, 0.1, 0.2}, 1e-12);
  EXPECT_EQ(code("oort"), 5);
  options.design = "successive";
  EXPECT_EQ(selection_privacy("uniform", input, options).kind, SelectionPrivacy::Kind::kFixedSize);
  const auto none = selection_privacy("activity", input, options);
  EXPECT_EQ(none.kind, SelectionPrivacy::Kind::kNoAmplification);
  EXPECT_EQ(none.sampling_rate, 1);
}

TEST(SelectionPrivacy, WhoTakesAnothersPlaceMovesTheSumTwice) {
  const SelectionInput input{.activity = kActivity, .round = 1};
  SelectionOptions options{.cohort = 2, .temperature = 5, .top_share = 0, .public_rate = 0.05, .activity_cap = 4};
  const auto moved = [&](const char* strategy) { return selection_privacy(strategy, input, options).sensitivity; };
  for (const char* own : {"uniform", "activity", "tempered", "log", "threshold"}) EXPECT_EQ(moved(own), 2) << own;
  for (const char* of_all : {"mixture", "softmax"}) EXPECT_EQ(moved(of_all), 4) << of_all;
  options.top_share = 0.5;
  EXPECT_EQ(moved("threshold"), 4);
  options.design = "with-replacement";
  for (const char* name : {"uniform", "activity"}) EXPECT_EQ(moved(name), 4) << name;
  options.design = "poisson";
  EXPECT_EQ(moved("activity"), 1);
}

TEST(SuccessiveSampling, OneDeviceMoreChangesOnePlaceOfTheCohort) {
  // Under clocks of each device's own rate, which is how successive sampling draws.
  core::ReproducibleRng rng(3, "race");
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::pair<double, int>> rings;
    for (int k = 0; k < 9; ++k) rings.emplace_back(-std::log1p(-rng.uniform()) / (1 + k % 4), k);
    const auto first = [](std::vector<std::pair<double, int>> clocks) {
      std::sort(clocks.begin(), clocks.end());
      std::set<int> cohort;
      for (int i = 0; i < 4; ++i) cohort.insert(clocks[static_cast<std::size_t>(i)].second);
      return cohort;
    };
    const auto with = first(rings);
    rings.pop_back();
    const auto without = first(rings);
    std::vector<int> left;
    std::set_difference(without.begin(), without.end(), with.begin(), with.end(), std::back_inserter(left));
    EXPECT_LE(left.size(), 1u);
  }
}

}  // namespace
}  // namespace discreet::federated
