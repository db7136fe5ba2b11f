#include "discreet/nn/train.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/nn/step.h"

namespace discreet::nn {
namespace {

bool due(std::int64_t step, std::int64_t every) { return every > 0 && step % every == 0; }

void log_training(const TrainHooks& hooks, TrainState& state, double learning_rate,
                  const SpentEpsilon& spent) {
  const auto& epsilon = spent.guarantee;
  if (hooks.log) {
    Json line = {{"step", state.step}, {"split", "train"}};
    // An empty Poisson batch has no loss; a private run's counts are functions of the data.
    if (state.examples > 0) line["loss"] = state.loss_sum / static_cast<double>(state.examples);
    line["learning_rate"] = learning_rate;
    line["examples"] = state.examples;
    if (epsilon) {
      line["epsilon"] = core::number(*epsilon);
      if (spent.as_published) line["epsilon_as_published"] = core::number(*spent.as_published);
      line["clipped"] = state.clipped;
    }
    if (state.non_finite > 0) line["non_finite"] = state.non_finite;
    if (epsilon) line["not_private"] = {"loss", "examples", "clipped", "non_finite"};
    hooks.log(line);
  }
  state.loss_sum = 0;
  state.examples = state.clipped = state.non_finite = 0;
}

double find_metric(const Json& metrics, const std::string& name) {
  if (metrics.contains(name) && metrics[name].is_number()) return metrics[name].get<double>();
  std::string known;
  for (const auto& [key, value] : metrics.items()) known += (known.empty() ? "" : ", ") + key;
  throw usage_error(fmt::format("train.metric: the evaluation has no metric '{}'", name),
                    "There are: " + known + ".");
}

/// True if this evaluation is the best so far.
bool judge(const TrainLoopOptions& options, double value, TrainState& state) {
  const bool better = !state.best_metric || (options.higher_is_better ? value > *state.best_metric
                                                                      : value < *state.best_metric);
  if (!better) {
    ++state.stale;
    return false;
  }
  state.best_metric = value;
  state.best_step = state.step;
  state.stale = 0;
  return true;
}

}  // namespace

TrainEnd train(Step& step, const TrainLoopOptions& options, const TrainHooks& hooks,
               TrainState& state) {
  const std::int64_t steps = options.last_step > 0 ? options.last_step : options.schedule.steps;
  const auto stopping = [&] { return hooks.stopping && hooks.stopping(); };
  const auto save = [&] {
    if (hooks.save) hooks.save(state);
  };
  // An accountant may take longer than a step: it is asked once per line.
  const auto spent_after = [&](std::int64_t done) {
    return SpentEpsilon{step.epsilon(done), step.epsilon_as_published(done)};
  };
  SpentEpsilon spent = spent_after(state.step);
  const bool is_private = spent.guarantee.has_value();
  // A run that was cut after its last evaluation but before its end resumes here.
  while (state.step < steps && !(options.patience > 0 && state.stale >= options.patience)) {
    if (stopping()) {
      save();
      return TrainEnd::kInterrupted;
    }
    const double learning_rate = learning_rate_at(options.schedule, state.step);
    const LogicalBatch batch = step.sample(state.step);
    const StepReport report = step.run(batch, learning_rate);
    ++state.step;

    const double loss = report.examples > 0
                            ? report.loss_sum / static_cast<double>(report.examples)
                            : 0.0;
    if (!is_private && !std::isfinite(report.loss_sum)) {
      throw runtime_failure(
          fmt::format("step {}: the training loss is not finite", state.step),
          "Lower train.learning_rate, add train.warmup, or look for damaged examples in the data.");
    }
    // A private step keeps such an example out of the weights; one must not hide the others' loss.
    if (std::isfinite(report.loss_sum)) {
      state.loss_sum += report.loss_sum;
      state.examples += report.examples;
    }
    state.clipped += report.clipped;
    state.non_finite += report.non_finite;
    if (hooks.progress) hooks.progress(state, loss, spent);

    const bool last = state.step == steps;
    if (last || due(state.step, options.log_every)) {
      spent = spent_after(state.step);
      log_training(hooks, state, learning_rate, spent);
    }
    bool evaluated = false;
    if (hooks.evaluate && (last || due(state.step, options.evaluate_every))) {
      Json metrics = hooks.evaluate();
      if (!options.metric.empty()) judge(options, find_metric(metrics, options.metric), state);
      evaluated = true;
      if (hooks.log) {
        Json line = {{"step", state.step}, {"split", "dev"}};
        line.update(metrics);
        hooks.log(line);
      }
    }
    if (!last && (evaluated || due(state.step, options.checkpoint_every))) save();
  }
  state.finished = true;
  save();
  return state.step < steps ? TrainEnd::kNoImprovement : TrainEnd::kAllSteps;
}

Json TrainState::to_json() const {
  Json document = {{"step", step},         {"best_step", best_step}, {"stale", stale},
                   {"finished", finished}, {"loss_sum", loss_sum},   {"examples", examples},
                   {"clipped", clipped},   {"non_finite", non_finite}};
  if (best_metric) document["best_metric"] = core::number(*best_metric);
  return document;
}

TrainState TrainState::from_json(const Json& document, const std::string& origin) {
  TrainState state;
  try {
    state.step = document.at("step").get<std::int64_t>();
    state.best_step = document.at("best_step").get<std::int64_t>();
    state.stale = document.at("stale").get<std::int64_t>();
    state.finished = document.at("finished").get<bool>();
    state.loss_sum = document.at("loss_sum").get<double>();
    state.examples = document.at("examples").get<std::int64_t>();
    state.clipped = document.at("clipped").get<std::int64_t>();
    state.non_finite = document.at("non_finite").get<std::int64_t>();
    if (document.contains("best_metric")) state.best_metric = core::to_double(document["best_metric"]);
  } catch (const nlohmann::json::exception& e) {
    throw bad_data(fmt::format("{}: not a training state: {}", origin, e.what()),
                   "Delete this checkpoint; `discreet resume` then takes the one before.");
  }
  return state;
}

}  // namespace discreet::nn
