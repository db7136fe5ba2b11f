// Models trained on parts of a pool: at once and one after another they end at the same place.
#include "discreet/app/ops/internal/shadow_training.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "discreet/app/ops/internal/model_signals.h"
#include "discreet/app/ops/internal/neighbours.h"
#include "discreet/core/error.h"
#include "discreet/nn/model.h"
#include "tests/dp/tensor_registry.h"

namespace discreet::app {
namespace {

TrainingPool pool_of(const std::vector<std::string>& set) {
  dp::tensor_registry();
  core::Config config;
  for (const char* usual : {"task=text-classification", "data.train=assistant:lines=120", "data.vocabulary=hashed",
                            "data.buckets=256", "model.kind=bow", "model.embedding=16", "model.hidden=8",
                            "train.batch_size=16", "train.learning_rate=1e-2"}) {
    config.add_assignment(usual);
  }
  for (const std::string& more : set) config.add_assignment(more);
  const Settings settings = parse_settings(config);
  RunData data = load_run_data(settings);
  return {settings, data.encoder, data.train, data.dev};
}

std::vector<PoolModel> halves(const TrainingPool& pool) {
  std::vector<PoolModel> models(3);
  for (std::int64_t i = 0; i < pool.pool.size(); ++i) {
    models[i % 2].examples.push_back(i);
    if (i % 3 == 0) models[2].examples.push_back(i);
  }
  for (std::size_t k = 0; k < models.size(); ++k) models[k].seed = static_cast<std::int64_t>(11 + k);
  return models;
}

std::vector<std::vector<float>> logits_of(const TrainingPool& pool, bool stack) {
  std::vector<std::vector<float>> logits(3);
  core::OperationContext quiet;
  quiet.quiet = true;
  train_on_parts(pool, halves(pool), stack, quiet, [&](std::size_t k, nn::Model& model) {
    logits[k] = signals_of(model, pool.pool, SignalForm::kLogits).logits;
  });
  return logits;
}

class PartsOfAPool : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(PartsOfAPool, EndAtTheSamePlaceAtOnceAndOneAfterAnother) {
  const TrainingPool pool = pool_of(GetParam());
  ASSERT_EQ(not_stacked(pool), "");
  const auto together = logits_of(pool, true), alone = logits_of(pool, false);
  double moved = 0;
  for (std::size_t k = 0; k < 3; ++k) {
    ASSERT_EQ(together[k].size(), alone[k].size());
    ASSERT_FALSE(together[k].empty());
    for (std::size_t i = 0; i < alone[k].size(); ++i) EXPECT_NEAR(together[k][i], alone[k][i], 2e-3) << k << " " << i;
    for (const float value : alone[k]) moved = std::max<double>(moved, std::abs(value));
  }
  EXPECT_NE(alone[0], alone[1]);
  EXPECT_GT(moved, 0.05);
}

INSTANTIATE_TEST_SUITE_P(
    Configurations, PartsOfAPool,
    ::testing::Values(std::vector<std::string>{"train.steps=12"},
                      std::vector<std::string>{"train.epochs=3", "train.schedule=cosine"},
                      std::vector<std::string>{"model.kind=bilstm", "train.steps=12"},
                      std::vector<std::string>{"privacy.mechanism=dp-sgd", "privacy.epsilon=20", "privacy.delta=1e-3",
                                               "privacy.clip_norm=0.5", "train.steps=12"}));

TEST(PartsOfAPool, WhatIsNotStackedSaysWhy) {
  EXPECT_NE(not_stacked(pool_of({"model.dropout=0.1"})), "");
  EXPECT_NE(not_stacked(pool_of({"model.pooling=max"})), "");
  EXPECT_NE(not_stacked(pool_of({"train.average=0.9"})), "");
  EXPECT_NE(not_stacked(pool_of({"task=intent-slot"})), "");
  EXPECT_NE(not_stacked(pool_of({"privacy.mechanism=edp-sgd", "privacy.slots=4", "privacy.noise_multiplier=1",
                                 "privacy.delta=1e-3"})), "");
}

TEST(PartsOfAPool, PatienceKeepsTheBestWeights) {
  TrainingPool pool = pool_of({"data.dev=assistant:lines=40,split=test", "train.steps=40", "train.eval_every=1",
                               "train.patience=1", "train.learning_rate=0.5", "train.metric=loss"});
  const auto stopped = logits_of(pool, true);
  pool.dev = {};
  const auto whole = logits_of(pool, true);
  EXPECT_NE(stopped[0], whole[0]);
  // A rate this high makes the loss rise soon: weights from before are smaller.
  const auto most = [](const std::vector<float>& values) { return *std::max_element(values.begin(), values.end()); };
  EXPECT_LT(most(stopped[0]), most(whole[0]));
}

TEST(PartsOfAPool, JoinedDataAreTheirExamplesInOrder) {
  const TrainingPool pool = pool_of({});
  const EncodedData first = select(pool.pool, {3, 5}), second = select(pool.pool, {0});
  const EncodedData both = joined(first, second), same = select(pool.pool, {3, 5, 0});
  EXPECT_EQ(both.tokens, same.tokens);
  EXPECT_EQ(both.offsets, same.offsets);
  EXPECT_EQ(both.intents, same.intents);
  EXPECT_EQ(joined({}, second).tokens, second.tokens);
}

TEST(TokenSignals, HandTable) {
  // Logits ln 1, ln 3 twice, the second row not told: log-probabilities ln .25 and ln .75.
  const float third = std::log(3.0F);
  const float logits[] = {0, third, 9, 9, third, 0};
  const std::int64_t targets[] = {1, -1, 1};
  ModelSignals signals;
  append_token_signals(logits, 3, 2, targets, signals);
  ASSERT_EQ(signals.offsets, (std::vector<std::int64_t>{0, 2}));
  const double low = std::log(.25), high = std::log(.75), mean = .25 * low + .75 * high;
  EXPECT_NEAR(signals.token_log_probs[0], high, 1e-7);
  EXPECT_NEAR(signals.token_log_probs[1], low, 1e-7);
  const double deviation = std::sqrt(.25 * (low - mean) * (low - mean) + .75 * (high - mean) * (high - mean));
  for (const int n : {0, 1}) {
    EXPECT_NEAR(signals.token_means[n], mean, 1e-7);
    EXPECT_NEAR(signals.token_deviations[n], deviation, 1e-7);
  }
  EXPECT_NEAR(signals.loss[0], -(low + high) / 2, 1e-7);
  const std::int64_t none[] = {-1};
  append_token_signals(logits, 1, 2, none, signals);
  EXPECT_TRUE(std::isnan(signals.loss[1]));
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ' ') words.emplace_back();
    else words.back() += c;
  }
  return words;
}

TEST(Neighbours, ReplaceTheShareOfWordsByOthers) {
  std::vector<std::string> texts;
  for (int i = 0; i < 30; ++i) texts.push_back("the w" + std::to_string(i) + " of x" + std::to_string(i % 5) + " and y");
  texts.push_back("");
  const NeighbourOptions options{.count = 4, .share = 0.34, .seed = 3};
  const auto copies = neighbours_of(texts, options);
  ASSERT_EQ(copies.size(), texts.size());
  EXPECT_TRUE(copies.back().empty());
  for (std::size_t i = 0; i + 1 < texts.size(); ++i) {
    ASSERT_EQ(copies[i].size(), 4U);
    for (const std::string& copy : copies[i]) {
      const auto before = words_of(texts[i]), after = words_of(copy);
      ASSERT_EQ(before.size(), after.size());
      int changed = 0;
      for (std::size_t w = 0; w < before.size(); ++w) changed += before[w] != after[w];
      EXPECT_EQ(changed, 2);
    }
  }
  EXPECT_EQ(copies, neighbours_of(texts, options));
  EXPECT_THROW(neighbours_of({"a a a"}, options), Error);
  EXPECT_THROW(neighbour_options({{"neighbour_share", 0}}, 1), Error);
}

}  // namespace
}  // namespace discreet::app
