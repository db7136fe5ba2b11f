#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "discreet/core/json.h"
#include "discreet/nn/schedule.h"

namespace discreet::nn {

class Step;

/// What the loop is told once. Everything here is public: none of it may come from private data.
struct TrainLoopOptions {
  Schedule schedule;                  ///< schedule.steps is the number of steps.
  std::int64_t last_step = 0;         ///< Stop here, before the schedule's end; 0: at its end.
  std::int64_t log_every = 10;        ///< Steps between lines of split "train".
  std::int64_t evaluate_every = 0;    ///< Steps between evaluations; 0: at the end alone.
  std::int64_t checkpoint_every = 0;  ///< Steps between checkpoints; 0: at evaluations and at the end.
  std::int64_t patience = 0;          ///< Evaluations without a better metric before stopping; 0: never.
  std::string metric;                 ///< The evaluation's key that patience and "best" look at.
  bool higher_is_better = true;
};

/// Where the loop stands: all that a checkpoint must hold beside model and optimiser.
struct TrainState {
  std::int64_t step = 0;  ///< Steps done.
  std::optional<double> best_metric;
  std::int64_t best_step = 0;  ///< 0: no evaluation yet.
  std::int64_t stale = 0;      ///< Evaluations since the best one.
  bool finished = false;
  // Since the last line of split "train", so that a resumed run writes the same lines.
  double loss_sum = 0;
  std::int64_t examples = 0;
  std::int64_t clipped = 0;
  std::int64_t non_finite = 0;

  Json to_json() const;
  static TrainState from_json(const Json& document, const std::string& origin);
};

/// What a step has spent: its guarantee, and what the published method would state.
struct SpentEpsilon {
  std::optional<double> guarantee;
  std::optional<double> as_published;
};

/// What the loop calls; any of them may be empty.
struct TrainHooks {
  /// One line of metrics.jsonl: {"step":…,"split":"train"|"dev",…}.
  std::function<void(const Json& line)> log;
  /// Metrics on held-out data, by name.
  std::function<Json()> evaluate;
  /// Writes a checkpoint, whole or not at all.
  std::function<void(const TrainState& state)> save;
  /// Called after each step with the mean loss of the step's examples, and with the epsilons of the
  /// last line of split "train".
  std::function<void(const TrainState& state, double loss, const SpentEpsilon& spent)> progress;
  /// True once the process has been asked to stop.
  std::function<bool()> stopping;
};

enum class TrainEnd { kAllSteps, kNoImprovement, kInterrupted };

/// Runs `step` from state.step to the schedule's end: sample, run, log, evaluate, save.
///
/// Guarantee: the loop reads no clock and no generator of its own, so a run that was stopped and
/// continued from a checkpoint makes the same calls as an uninterrupted one. Whatever ends it, a
/// checkpoint of the last whole step was saved.
/// Throws: kUsage if the evaluation has no metric of the name that patience looks at; kRuntime if the
/// training loss of an ordinary step is not finite.
TrainEnd train(Step& step, const TrainLoopOptions& options, const TrainHooks& hooks, TrainState& state);

}  // namespace discreet::nn
