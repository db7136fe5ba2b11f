#include "discreet/nn/train.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/nn/step.h"

namespace discreet::nn {
namespace {

/// Remembers what it was asked; loss falls as 1 / (step + 1).
struct CountingStep : Step {
  std::vector<std::int64_t> sampled;
  std::vector<double> rates;
  std::vector<std::int64_t> sizes;  // per step; 4 where absent
  std::optional<double> spent;
  double loss = 1;

  LogicalBatch sample(std::int64_t number) override {
    sampled.push_back(number);
    LogicalBatch batch;
    batch.indices.resize(static_cast<std::size_t>(number) < sizes.size() ? sizes[number] : 4);
    return batch;
  }
  StepReport run(const LogicalBatch& batch, double learning_rate) override {
    rates.push_back(learning_rate);
    const auto n = static_cast<std::int64_t>(batch.indices.size());
    return {.loss_sum = loss * static_cast<double>(n), .examples = n, .clipped = 1};
  }
  std::optional<double> epsilon(std::int64_t steps) const override {
    return spent ? std::optional(*spent * static_cast<double>(steps)) : std::nullopt;
  }
  Json save(const std::filesystem::path&) const override { return Json::object(); }
  void load(const std::filesystem::path&, const Json&) override {}
};

struct Recorded {
  std::vector<Json> lines;
  std::vector<TrainState> saved;
  TrainHooks hooks() {
    TrainHooks hooks;
    hooks.log = [this](const Json& line) { lines.push_back(line); };
    hooks.save = [this](const TrainState& state) { saved.push_back(state); };
    return hooks;
  }
};

TrainLoopOptions steps(std::int64_t n) {
  TrainLoopOptions options;
  options.schedule = {.kind = ScheduleKind::kConstant, .peak = 0.1, .steps = n};
  return options;
}

TEST(Train, RunsEveryStepOnceAndLogsAtTheStatedSteps) {
  CountingStep step;
  Recorded seen;
  TrainState state;
  auto options = steps(5);
  options.log_every = 2;
  EXPECT_EQ(train(step, options, seen.hooks(), state), TrainEnd::kAllSteps);
  EXPECT_EQ(step.sampled, (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  ASSERT_EQ(seen.lines.size(), 3u);
  EXPECT_EQ(seen.lines[0]["step"], 2);
  EXPECT_EQ(seen.lines[2]["step"], 5);
  EXPECT_EQ(seen.lines[0]["examples"], 8);
  EXPECT_EQ(seen.lines[0]["loss"], 1.0);
  EXPECT_FALSE(seen.lines[0].contains("epsilon"));
  ASSERT_EQ(seen.saved.size(), 1u);
  EXPECT_TRUE(seen.saved[0].finished);
}

TEST(Train, AnEmptyBatchIsAStepWithoutALoss) {
  CountingStep step;
  step.sizes = {0, 0};
  step.spent = 0.5;
  Recorded seen;
  TrainState state;
  auto options = steps(2);
  options.log_every = 1;
  train(step, options, seen.hooks(), state);
  EXPECT_EQ(step.rates.size(), 2u);
  EXPECT_FALSE(seen.lines[0].contains("loss"));
  EXPECT_EQ(seen.lines[1]["epsilon"], 1.0);
  EXPECT_EQ(seen.lines[1]["not_private"][0], "loss");
}

TEST(Train, PatienceStopsAfterThatManyEvaluationsWithoutABetterMetric) {
  CountingStep step;
  Recorded seen;
  auto hooks = seen.hooks();
  const std::vector<double> accuracy = {0.5, 0.7, 0.7, 0.6, 0.9};
  std::size_t calls = 0;
  hooks.evaluate = [&] { return Json{{"accuracy", accuracy.at(calls++)}}; };
  auto options = steps(100);
  options.evaluate_every = 3;
  options.patience = 2;
  options.metric = "accuracy";
  TrainState state;
  EXPECT_EQ(train(step, options, hooks, state), TrainEnd::kNoImprovement);
  EXPECT_EQ(state.step, 12);
  EXPECT_EQ(state.best_step, 6);
  EXPECT_EQ(calls, 4u);
}

TEST(Train, LowerCanBeBetter) {
  CountingStep step;
  Recorded seen;
  auto hooks = seen.hooks();
  double loss = 3;
  hooks.evaluate = [&] { return Json{{"loss", loss -= 1}}; };
  auto options = steps(2);
  options.evaluate_every = 1;
  options.patience = 1;
  options.metric = "loss";
  options.higher_is_better = false;
  TrainState state;
  EXPECT_EQ(train(step, options, hooks, state), TrainEnd::kAllSteps);
  EXPECT_EQ(state.best_step, 2);
  EXPECT_EQ(state.best_metric, 1.0);
}

TEST(Train, AnUnknownMetricNamesTheKnownOnes) {
  CountingStep step;
  TrainHooks hooks;
  hooks.evaluate = [] { return Json{{"loss", 1.0}, {"accuracy", 0.5}}; };
  auto options = steps(1);
  options.metric = "acuracy";
  TrainState state;
  try {
    train(step, options, hooks, state);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
    EXPECT_NE(e.hint().find("accuracy"), std::string::npos);
  }
}

TEST(Train, StoppingSavesTheLastWholeStepAndResumingMakesTheSameLines) {
  Recorded whole;
  {
    CountingStep step;
    TrainState state;
    auto options = steps(10);
    options.log_every = 4;
    train(step, options, whole.hooks(), state);
  }
  for (int stop_after = 0; stop_after < 10; ++stop_after) {
    CountingStep first;
    CountingStep second;
    Recorded seen;
    auto hooks = seen.hooks();
    hooks.stopping = [&] { return static_cast<int>(first.rates.size()) >= stop_after; };
    TrainState state;
    auto options = steps(10);
    options.log_every = 4;
    EXPECT_EQ(train(first, options, hooks, state), TrainEnd::kInterrupted);
    EXPECT_EQ(seen.saved.back().step, stop_after);
    state = TrainState::from_json(seen.saved.back().to_json(), "test");
    EXPECT_FALSE(state.finished);
    hooks.stopping = nullptr;
    EXPECT_EQ(train(second, options, hooks, state), TrainEnd::kAllSteps);
    EXPECT_EQ(first.rates.size() + second.rates.size(), 10u);
    EXPECT_EQ(seen.lines, whole.lines) << "stopped after " << stop_after;
  }
}

TEST(Train, ALossThatIsNotFiniteEndsAnOrdinaryRunButNotAPrivateOne) {
  CountingStep step;
  step.loss = std::numeric_limits<double>::quiet_NaN();
  TrainState state;
  try {
    train(step, steps(3), {}, state);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kRuntime);
    EXPECT_NE(std::string(e.what()).find("step 1"), std::string::npos);
  }
  CountingStep private_step;
  private_step.loss = step.loss;
  private_step.spent = 1;
  TrainState private_state;
  EXPECT_EQ(train(private_step, steps(3), {}, private_state), TrainEnd::kAllSteps);
}

TEST(Train, TheScheduleSetsEachStepsRate) {
  CountingStep step;
  auto options = steps(4);
  options.schedule.kind = ScheduleKind::kLinear;
  TrainState state;
  train(step, options, {}, state);
  EXPECT_DOUBLE_EQ(step.rates[0], 0.1);
  EXPECT_DOUBLE_EQ(step.rates[3], 0.025);
}

TEST(TrainState, DamagedJsonIsBadData) {
  EXPECT_THROW(TrainState::from_json(Json{{"step", 1}}, "state.json"), Error);
}

}  // namespace
}  // namespace discreet::nn
