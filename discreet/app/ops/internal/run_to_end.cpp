#include <chrono>

#include <fmt/format.h>

#include "discreet/app/ops/internal/model_folder.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/app/ops/internal/run_parts.h"
#include "discreet/app/ops/internal/text_writer.h"
#include "discreet/core/error.h"
#include "discreet/core/progress.h"
#include "discreet/formats/tensorboard.h"
#include "discreet/nn/distributed/process_group.h"

namespace discreet::app {
namespace fs = std::filesystem;

std::string selection_metric(const Settings& settings) {
  if (!settings.train.metric.empty()) return settings.train.metric;
  if (settings.task == "text-classification") return "accuracy";
  if (settings.task == "language-model" || settings.task == "masked-lm" || settings.task == "seq2seq") {
    return "perplexity";
  }
  if (settings.task == "span-qa") return "f1";
  return settings.task == "tagging" ? "entity_f1" : "exact_match";
}

bool higher_is_better(const std::string& metric) {
  return metric != "loss" && metric != "perplexity" && metric != "bits_per_byte";
}

namespace {

nn::ScheduleKind schedule_kind(const std::string& name) {
  if (name == "linear") return nn::ScheduleKind::kLinear;
  return name == "cosine" ? nn::ScheduleKind::kCosine : nn::ScheduleKind::kConstant;
}

Json evaluate_on(const Session& session, const EncodedData& data) {
  const auto released = with_released_weights(session);
  Scores scores = score_together(*session.parallel, *session.model, data);
  if (session.settings.task == "seq2seq") {
    scores.texts = write_targets(session.model, session.data.encoder, data);
  }
  return metrics_of(session.settings.task, session.data.encoder, data, scores);
}

/// With patience the best evaluated model is the result, else the last one.
void take_best(Session& session, const nn::TrainLoopOptions& options, const nn::TrainState& state) {
  if (options.patience == 0 || state.best_step == 0 || state.best_step == state.step) return;
  take_parameters_of(session, state.best_step);
}

Json result_of(const Session& session, const nn::TrainState& state) {
  Json result = {{"schema", "discreet.train/1"}, {"run", session.run.path().string()},
                 {"private", session.plan.has_value()}, {"steps", state.step},
                 {"metrics", Json::object()}};
  if (session.plan) {
    result["delta"] = session.plan->delta;
  } else {
    core::set_absent(result, "epsilon", "the run was trained without a privacy mechanism");
    core::set_absent(result, "delta", "the run was trained without a privacy mechanism");
  }
  return result;
}

/// What every user of the run reads: model/, privacy.json, result.json.
void write_results(Session& session, const nn::TrainLoopOptions& options, const nn::TrainState& state,
                   Json& result) {
  take_best(session, options, state);
  ModelCard card;
  card.trainable_values = session.trainable_values;
  card.statement = "Trained without a privacy mechanism: nothing is guaranteed.";
  if (session.plan && leads(session)) {
    const privacy::PrivacyStatement statement = write_statement(session, "spent");
    card.statement = statement.words;
    result["epsilon"] = core::number(statement.epsilon.value);
    if (statement.as_published) result["epsilon_as_published"] = core::number(*statement.as_published);
    result["statement"] = statement.words;
    result["caveats"] = statement.caveats;
    result["warnings"] = statement.warnings;
  }
  for (const std::string& note : session.data.notes) {
    result["caveats"].push_back(session.plan ? note + " This is counted exactly: no guarantee covers it." : note);
  }
  const bool has_test = session.data.test.size() > 0;
  const EncodedData& data = has_test ? session.data.test : session.data.dev;
  if (data.size() > 0) {
    card.split = has_test ? "test" : "dev";
    card.metrics = evaluate_on(session, data);
    result["split"] = card.split;
    result["n"] = data.examples.size();
    result["metrics"] = card.metrics;
  }
  session.run.write_model([&](const fs::path& folder) {
    fill_model_folder(folder, session.settings, session.data.encoder, card);
    const auto released = with_released_weights(session);
    write_model_weights(session, folder);
  });
}

/// The training loop; if another process is lost, what can be saved is.
nn::TrainEnd train_or_save(Session& session, const nn::TrainLoopOptions& options,
                           const nn::TrainHooks& hooks, nn::TrainState& state) {
  try {
    return nn::train(*session.step, options, hooks, state);
  } catch (const nn::LostProcess& lost) {
    const std::string saved = save_after_loss(session, state, lost);
    throw Error(lost.code(), lost.what(), lost.hint() + (saved.empty() ? "" : " ") + saved);
  }
}

}  // namespace

nn::Schedule learning_schedule(const TrainOptions& train, std::int64_t steps) {
  return {.kind = schedule_kind(train.schedule),
          .peak = train.learning_rate,
          .steps = steps,
          .warmup_steps = train.warmup,
          .final_fraction = train.final_fraction};
}

nn::TrainLoopOptions loop_options(const Session& session) {
  const TrainOptions& train = session.settings.train;
  const std::int64_t units = session.plan ? static_cast<std::int64_t>(*session.plan->units)
                                          : session.data.train.size();
  const std::int64_t pass = (units + train.batch_size - 1) / train.batch_size;
  const bool evaluates = session.data.dev.size() > 0;
  nn::TrainLoopOptions options;
  options.schedule = learning_schedule(train, session.steps);
  options.last_step = session.steps_allowed;
  options.log_every = train.log_every;
  options.evaluate_every = train.eval_every > 0 ? train.eval_every : pass;
  options.checkpoint_every = train.checkpoint_every > 0 ? train.checkpoint_every : options.evaluate_every;
  options.patience = evaluates ? train.patience : 0;
  if (evaluates) options.metric = selection_metric(session.settings);
  options.higher_is_better = higher_is_better(options.metric);
  return options;
}

Json run_to_end(Session& session, nn::TrainState state, core::OperationContext& context) {
  const auto started = std::chrono::steady_clock::now();
  const nn::TrainLoopOptions options = loop_options(session);
  std::optional<formats::EventWriter> events;
  if (leads(session)) events.emplace(session.run.path(), session.run.metrics());
  core::Progress progress(
      {.label = "train", .total = options.last_step, .start = state.step, .quiet = context.quiet});

  nn::TrainHooks hooks;
  hooks.log = [&](const Json& line) {
    session.run.append_metric(line);
    if (events) events->add(line);
  };
  if (session.data.dev.size() > 0) hooks.evaluate = [&] { return evaluate_on(session, session.data.dev); };
  hooks.save = [&](const nn::TrainState& now) { save_checkpoint(session, now); };
  hooks.progress = [&](const nn::TrainState& now, double loss, const nn::SpentEpsilon& spent) {
    const std::string note =
        spent.as_published ? fmt::format("(as published {:.3g})", *spent.as_published) : "";
    progress.update(now.step, {.loss = loss, .epsilon = spent.guarantee, .note = note});
  };
  hooks.stopping = [&] { return alone(session) ? context.stopping() : agreed_to_stop(session); };

  if (train_or_save(session, options, hooks, state) == nn::TrainEnd::kInterrupted) {
    throw core::interrupted(context, fmt::format("Step {} is saved; go on with: discreet resume {}",
                                                 state.step, session.run.path().string()));
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  progress.finish();
  Json result = result_of(session, state);
  result["seconds"] = seconds.count();
  write_results(session, options, state, result);
  session.run.write_document("result.json", result);
  // What a teacher said of private text is no part of what the guarantee covers, and serves nobody any more.
  if (session.plan && leads(session)) fs::remove_all(own_teacher_cache(session.run.path()));
  session.run.finish();
  return share_document(session, result);
}

}  // namespace discreet::app
