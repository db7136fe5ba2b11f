// Sums of devices against the plain computation on pooled data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/federated/evaluation/model_metrics.h"
#include "discreet/federated/evaluation/release.h"
#include "discreet/privacy/accountant.h"
#include "discreet/stats/classification.h"
#include "discreet/stats/divergence.h"

namespace discreet::federated {
namespace {

constexpr std::size_t kClasses = 5, kGroups = 3;

MetricProgram whole_program(bool bounded = false) {
  MetricProgram program;
  program.bounded = bounded;
  program.classes = {"a", "b", "c", "d", "e"};
  program.groups = {"x", "y", "z"};
  program.chunks = program.tokens = true;
  return program;
}

std::vector<EvaluatedExample> random_examples(std::size_t count, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "evaluation");
  std::vector<EvaluatedExample> examples;
  for (std::size_t i = 0; i < count; ++i) {
    EvaluatedExample e;
    e.gold = static_cast<std::int64_t>(rng.below(kClasses)) - (rng.uniform() < 0.05 ? 1 : 0);
    e.predicted = rng.uniform() < 0.6 && *e.gold >= 0 ? *e.gold : static_cast<std::int64_t>(rng.below(kClasses));
    e.confidence = 0.2 + 0.8 * rng.uniform();
    e.loss = -std::log(1 - rng.uniform() * 0.9999);
    e.group = rng.below(kGroups);
    e.right = e.gold == e.predicted;
    e.gold_chunks = rng.below(4);
    e.predicted_chunks = rng.below(4);
    e.right_chunks = std::min({e.gold_chunks, e.predicted_chunks, rng.below(4)});
    e.tokens = double(1 + rng.below(20));
    e.log_loss_sum = e.tokens * rng.uniform() * 5;
    examples.push_back(e);
  }
  return examples;
}

/// Contiguous parts of random sizes, some empty.
std::vector<std::vector<EvaluatedExample>> split_at_random(const std::vector<EvaluatedExample>& all, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "split");
  std::vector<std::vector<EvaluatedExample>> parts(1 + rng.below(30));
  for (const EvaluatedExample& example : all) parts[rng.below(parts.size())].push_back(example);
  return parts;
}

TEST(DeviceMetrics, AnySplitInAnyOrderGivesTheSameSumsBitForBit) {
  const MetricProgram program = whole_program();
  const auto layout = metric_layout(program);
  const auto all = random_examples(700, 3);
  const MetricSums pooled = device_sums(program, layout, all);
  const std::size_t of_devices = layout->offset(layout->place("device_histogram"));
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    MetricSums sum(layout);
    for (const auto& part : split_at_random(all, seed)) sum.merge(device_sums(program, layout, part));
    EXPECT_TRUE(std::equal(sum.encoded().begin(), sum.encoded().begin() + static_cast<std::ptrdiff_t>(of_devices),
                           pooled.encoded().begin()));
    EXPECT_EQ(sum.examples(), 700);
  }
}

TEST(DeviceMetrics, EqualTheCentralOnes) {
  const MetricProgram program = whole_program();
  const auto layout = metric_layout(program);
  const auto all = random_examples(2000, 4);
  MetricSums sum(layout);
  for (const auto& part : split_at_random(all, 9)) sum.merge(device_sums(program, layout, part));
  const Json metrics = metrics_of_sums(program, *layout, sum.values(), {}, 1);

  stats::ConfusionMatrix confusion(kClasses + 1);
  std::vector<double> confidence;
  std::vector<std::uint8_t> right;
  double loss = 0, tokens = 0, log_loss = 0, gold = 0, predicted = 0, chunks_right = 0, correct = 0;
  std::vector<double> group_right(kGroups), group_all(kGroups);
  for (const EvaluatedExample& e : all) {
    confusion.add(*e.gold < 0 ? kClasses : *e.gold, *e.predicted);
    confidence.push_back(*e.confidence);
    right.push_back(e.right);
    correct += e.right;
    loss += *e.loss;
    tokens += e.tokens;
    log_loss += e.log_loss_sum;
    gold += double(e.gold_chunks);
    predicted += double(e.predicted_chunks);
    chunks_right += double(e.right_chunks);
    group_right[*e.group] += e.right;
    group_all[*e.group] += 1;
  }
  const auto scores = stats::classification_scores(confusion);
  EXPECT_NEAR(metrics["accuracy"].get<double>(), *scores.accuracy, 1e-12);
  EXPECT_NEAR(metrics["right"].get<double>(), correct / 2000, 1e-12);
  // The central macro F1 counts the class that nobody knows, with F1 0.
  EXPECT_NEAR(metrics["macro_f1"].get<double>() * kClasses, *scores.macro_f1 * double(scores.scored_classes), 1e-12);
  EXPECT_NEAR(metrics["calibration_error"].get<double>(), *stats::calibration(confidence, right).expected_error, 1e-12);
  EXPECT_NEAR(metrics["loss"].get<double>(), loss / 2000, 1e-12);
  EXPECT_NEAR(metrics["perplexity"].get<double>(), std::exp(log_loss / tokens), 1e-9);
  EXPECT_NEAR(metrics["entity_f1"].get<double>(), 2 * chunks_right / (gold + predicted), 1e-12);
  double low = 1, high = 0;
  for (std::size_t g = 0; g < kGroups; ++g) {
    low = std::min(low, group_right[g] / group_all[g]);
    high = std::max(high, group_right[g] / group_all[g]);
  }
  EXPECT_NEAR(metrics["groups"]["accuracy_difference"].get<double>(), high - low, 1e-12);
  // The median comes from a histogram with bins of 10 / 20.
  std::vector<double> losses;
  for (const auto& e : all) losses.push_back(*e.loss);
  std::nth_element(losses.begin(), losses.begin() + 1000, losses.end());
  EXPECT_NEAR(metrics["loss_median"].get<double>(), losses[1000], 0.5);
}

TEST(DeviceMetrics, SmallGroupsDoNotAppear) {
  const MetricProgram program = whole_program();
  const auto layout = metric_layout(program);
  auto all = random_examples(50, 5);
  for (auto& e : all) e.group = 0;
  all[0].group = 1;
  const Json metrics = metrics_of_sums(program, *layout, device_sums(program, layout, all).values(), {}, 2);
  EXPECT_EQ(metrics["groups"]["by_group"].size(), 1u);
  EXPECT_EQ(metrics["groups"]["groups_left_out"], 2);
  EXPECT_TRUE(metrics["groups"]["accuracy_difference"].is_null());
}

TEST(DeviceMetrics, PairwiseMasksCancel) {
  const MetricProgram program = whole_program();
  const auto layout = metric_layout(program);
  const auto parts = split_at_random(random_examples(300, 6), 2);
  std::vector<std::vector<std::uint64_t>> sent;
  MetricSums plain(layout);
  for (const auto& part : parts) {
    const MetricSums sums = device_sums(program, layout, part);
    plain.merge(sums);
    sent.push_back(sums.encoded());
  }
  for (std::size_t a = 0; a < sent.size(); ++a) {
    for (std::size_t b = a + 1; b < sent.size(); ++b) {
      core::ReproducibleRng mask(a * 1000 + b, "mask");
      for (std::size_t i = 0; i < sent[a].size(); ++i) {
        const std::uint64_t m = mask();
        sent[a][i] += m;
        sent[b][i] -= m;
      }
    }
  }
  std::vector<std::uint64_t> total(layout->size(), 0);
  for (const auto& vector : sent) {
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += vector[i];
  }
  EXPECT_EQ(decode_sums(*layout, total), plain.values());
}

TEST(DeviceMetrics, OneExampleStaysWithinTheBounds) {
  const MetricProgram program = whole_program(true);
  const auto layout = metric_layout(program);
  EvaluatedExample e;
  e.gold = e.predicted = 2;
  e.right = true;
  e.confidence = 1;
  e.loss = 1e9;
  e.group = 0;
  e.gold_chunks = 1000000;
  e.predicted_chunks = 3;
  e.log_loss_sum = 1e12;
  e.tokens = 1e7;
  const MetricSums sums = device_sums(program, layout, std::vector<EvaluatedExample>{e});
  const auto values = sums.values();
  for (std::size_t b = 0; b < layout->blocks().size(); ++b) {
    double squares = 0;
    for (std::size_t i = 0; i < layout->blocks()[b].size; ++i) squares += std::pow(values[layout->offset(b) + i], 2);
    EXPECT_LE(std::sqrt(squares), layout->blocks()[b].bound) << layout->blocks()[b].name;
  }
  EXPECT_EQ(sums.clipped(), 2);  // entities and tokens; the loss is cut to its own bound before
}

TEST(ReleasedMetrics, RefuseWhatCannotBeAccountedFor) {
  const auto exact = metric_layout(whole_program(false));
  const auto bounded = metric_layout(whole_program(true));
  privacy::InsecureNoise noise(1);
  const auto code = [](const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code([&] { MetricAggregate(exact, {.noise_multiplier = 1, .most_examples = 5}); }), ErrorCode::kPrivacyRefused);
  EXPECT_EQ(code([&] { MetricAggregate(bounded, {.noise_multiplier = 1}); }), ErrorCode::kPrivacyRefused);
  MetricAggregate capped(bounded, {.noise_multiplier = 1, .most_examples = 5, .least_devices = 2});
  const auto six = device_sums(whole_program(true), bounded, random_examples(6, 1));
  EXPECT_EQ(code([&] { capped.add(six); }), ErrorCode::kPrivacyRefused);
  capped.add(device_sums(whole_program(true), bounded, random_examples(5, 1)));
  EXPECT_EQ(code([&] { capped.release(noise); }), ErrorCode::kPrivacyRefused);
  capped.add(device_sums(whole_program(true), bounded, random_examples(5, 2)));
  capped.release(noise);
  EXPECT_EQ(code([&] { capped.release(noise); }), ErrorCode::kPrivacyRefused);  // once
}

TEST(ReleasedMetrics, NoiseIsWhatTheEventSays) {
  MetricLayout plain;
  plain.add({.name = "counts", .size = 20000, .bound = 2});
  plain.add({.name = "of_devices", .size = 20000, .bound = 3, .per_device = true});
  const auto layout = std::make_shared<const MetricLayout>(plain);
  MetricAggregate aggregate(layout, {.noise_multiplier = 1.5, .most_examples = 7, .sampling_rate = 0.1});
  aggregate.add(MetricSums(layout));
  privacy::InsecureNoise noise(3);
  const Released out = aggregate.release(noise);
  EXPECT_EQ(out.event, privacy::Event::poisson_sampled(privacy::SamplingRate(0.1),
                                                       privacy::Event::gaussian(privacy::NoiseMultiplier(1.5))));
  const auto deviation = [&](std::size_t from) {
    double squares = 0;
    for (std::size_t i = from; i < from + 20000; ++i) squares += out.values[i] * out.values[i];
    return std::sqrt(squares / 20000);
  };
  // In units of the sensitivity, the two blocks together have the norm sqrt(2). Within 5 standard errors.
  EXPECT_NEAR(deviation(0), 1.5 * std::sqrt(2) * 7 * 2, 0.025 * 1.5 * std::sqrt(2) * 14);
  EXPECT_NEAR(deviation(20000), 1.5 * std::sqrt(2) * 3, 0.025 * 1.5 * std::sqrt(2) * 3);
  EXPECT_EQ(out.deviation[0], 1.5 * std::sqrt(2.0) * 14);
}

TEST(ClientSpreads, HandComputed) {
  const std::vector<double> scores = {0.4, 0.1, 0.3, 0.2};
  const ClientSpread spread = spread_of(scores);
  EXPECT_NEAR(*spread.mean, 0.25, 1e-15);
  EXPECT_NEAR(*spread.variance, 0.0125, 1e-15);
  EXPECT_NEAR(*spread.gini, 0.25, 1e-15);
  EXPECT_NEAR(*spread.gini, stats::gini(scores), 1e-15);
  const double entropy = -(0.1 * std::log(0.1) + 0.2 * std::log(0.2) + 0.3 * std::log(0.3) + 0.4 * std::log(0.4));
  EXPECT_NEAR(*spread.entropy, entropy / std::log(4), 1e-12);
  EXPECT_NEAR(*spread.worst_decile, 0.1, 1e-15);
  EXPECT_NEAR(*spread.gap, 0.3, 1e-15);
  EXPECT_NEAR(*spread_of(std::vector<double>(7, 0.5)).entropy, 1, 1e-12);
  EXPECT_EQ(*spread_of(std::vector<double>(7, 0.0)).gini, 0);
  EXPECT_FALSE(spread_of(std::vector<double>{}).mean);
}

TEST(ClientSpreads, SumsTellTheSpreadToTheWidthOfABin) {
  const MetricProgram program = whole_program();
  const auto layout = metric_layout(program);
  core::ReproducibleRng rng(11, "spread");
  MetricSums sum(layout);
  std::vector<double> scores;
  for (int device = 0; device < 300; ++device) {
    auto examples = random_examples(1 + rng.below(40), static_cast<std::uint64_t>(device));
    const double skill = rng.uniform();
    double right = 0;
    for (auto& e : examples) {
      e.right = rng.uniform() < skill;
      right += e.right;
    }
    scores.push_back(right / double(examples.size()));
    sum.merge(device_sums(program, layout, examples));
  }
  const ClientSpread told = spread_of_sums(*layout, sum.values()), seen = spread_of(scores);
  EXPECT_EQ(told.devices, 300);
  EXPECT_NEAR(*told.mean, *seen.mean, 1e-9);
  EXPECT_NEAR(*told.variance, *seen.variance, 1e-9);
  EXPECT_NEAR(*told.entropy, *seen.entropy, 1e-9);
  EXPECT_EQ(told.resolution, 0.02);
  EXPECT_NEAR(*told.first_decile, *seen.first_decile, 0.02);
  EXPECT_NEAR(*told.worst_decile, *seen.worst_decile, 0.02);
  EXPECT_NEAR(*told.gini, *seen.gini, 0.02);
}

}  // namespace
}  // namespace discreet::federated
