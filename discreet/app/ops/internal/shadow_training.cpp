#include "discreet/app/ops/internal/shadow_training.h"

#include <map>
#include <memory>

#include <fmt/format.h>

#include "discreet/app/internal/encoder.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/app/ops/internal/run_parts.h"
#include "discreet/app/ops/internal/start_model.h"
#include "discreet/core/error.h"
#include "discreet/dp/mechanism.h"
#include "discreet/dp/private_step.h"
#include "discreet/dp/stacked.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/stacked/train.h"

namespace discreet::app {

struct KeptVectors {
  at::Tensor start;  ///< As start_vectors gives them.
};

namespace {

const at::Tensor& vectors_of(const TrainingPool& pool) {
  if (pool.vectors == nullptr) pool.vectors = std::make_shared<KeptVectors>(KeptVectors{start_vectors(pool.settings, pool.encoder)});
  return pool.vectors->start;
}

/// The configuration of one of the models.
Settings own_settings(const TrainingPool& pool, const PoolModel& model) {
  Settings settings = pool.settings;
  settings.run.seed = model.seed;
  settings.privacy.ledger.clear();
  if (settings.privacy.is_private()) settings.privacy.insecure_seed = model.seed;
  return settings;
}

void check_stop(const core::OperationContext& context) {
  if (context.stopping()) {
    throw core::interrupted(context, "Finished shadow models are kept; the same command goes on.");
  }
}

/// Calibrating takes as long as many steps, and parts of one size need the same noise.
class KnownNoise {
 public:
  void apply(std::size_t units, Settings& settings) const {
    const auto known = by_units_.find(units);
    if (known == by_units_.end() || !settings.privacy.epsilon) return;
    settings.privacy.epsilon.reset();
    settings.privacy.noise_multiplier = known->second;
  }
  void learn(std::size_t units, double noise_multiplier) { by_units_.emplace(units, noise_multiplier); }

 private:
  std::map<std::size_t, double> by_units_;
};

// ---- at once

nn::StackedSpec stacked_spec(const TrainingPool& pool, std::span<const PoolModel> models) {
  nn::StackedSpec spec;
  spec.model = model_spec(pool.settings.model);
  spec.sizes = {.vocabulary = table_entries(pool.encoder), .intents = pool.encoder.intents.size(), .tags = 0};
  spec.vectors = vectors_of(pool);
  for (const PoolModel& model : models) spec.seeds.push_back(static_cast<std::uint64_t>(model.seed));
  return spec;
}

nn::OptimizerOptions stacked_optimizer(const Settings& settings) {
  Session session{.settings = settings, .run = core::RunDir::kept_elsewhere("shadow")};
  return optimizer_options(session);
}

/// The number of steps is one for all of a stack: parts of a pair differ by an example at most.
std::int64_t steps_of(const TrainingPool& pool, const PoolModel& model) {
  return step_count(pool.settings, static_cast<std::int64_t>(model.examples.size()));
}

void stack_ordinary(const TrainingPool& pool, nn::StackedModel& stack, std::shared_ptr<const nn::StackedData> data,
                    std::vector<nn::StackedMember> members, std::int64_t steps, core::OperationContext& context) {
  nn::StackedTrainer trainer(stack, std::move(data), std::move(members),
                             {.batch_size = pool.settings.train.batch_size,
                              .optimizer = stacked_optimizer(pool.settings),
                              .schedule = learning_schedule(pool.settings.train, steps),
                              .max_norm = pool.settings.train.gradient_clip});
  for (std::int64_t step = 0; step < steps; ++step) {
    check_stop(context);
    trainer.step();
  }
}

void stack_private(const TrainingPool& pool, std::span<const PoolModel> models, nn::StackedModel& stack,
                   std::shared_ptr<const nn::StackedData> data, std::vector<nn::StackedMember> members,
                   std::int64_t steps, core::OperationContext& context) {
  std::vector<std::unique_ptr<dp::PrivatePlan>> plans;
  KnownNoise noise;
  for (const PoolModel& model : models) {
    Settings settings = own_settings(pool, model);
    noise.apply(model.examples.size(), settings);
    plans.push_back(dp::make_plan(plan_options(settings, model.examples.size(), steps)));
    noise.learn(model.examples.size(), plans.back()->noise_multiplier());
  }
  dp::StackedPrivateTrainer trainer(stack, std::move(data), std::move(members), std::move(plans),
                                    {.optimizer = stacked_optimizer(pool.settings),
                                     .schedule = learning_schedule(pool.settings.train, steps)},
                                    nullptr);
  for (std::int64_t step = 0; step < steps; ++step) {
    check_stop(context);
    trainer.step();
  }
}

void train_stacked(const TrainingPool& pool, std::span<const PoolModel> models, core::OperationContext& context,
                   const std::function<void(std::size_t, nn::Model&)>& finished) {
  nn::StackedModel stack(stacked_spec(pool, models));
  const auto data = stack.prepare(to_examples(pool.pool));
  std::vector<nn::StackedMember> members;
  for (const PoolModel& model : models) {
    members.push_back({model.examples, static_cast<std::uint64_t>(model.seed), pool.settings.train.learning_rate});
  }
  const std::int64_t steps = steps_of(pool, models.front());
  if (pool.settings.privacy.is_private()) {
    stack_private(pool, models, stack, data, std::move(members), steps, context);
  } else {
    stack_ordinary(pool, stack, data, std::move(members), steps, context);
  }
  for (std::size_t k = 0; k < models.size(); ++k) finished(k, *stack.extract(static_cast<std::int64_t>(k)));
}

// ---- one after another

nn::NamedTensors copy_of(const nn::Model& model) {
  nn::NamedTensors copy;
  for (const auto& [name, tensor] : nn::model_tensors(model)) copy.emplace_back(name, tensor.detach().clone());
  return copy;
}

/// As run_to_end does it, but into memory: with patience the best evaluated weights are the result.
void train_alone(Session& session, core::OperationContext& context) {
  const nn::TrainLoopOptions options = loop_options(session);
  nn::TrainHooks hooks;
  nn::NamedTensors best;
  if (options.patience > 0) {
    hooks.evaluate = [&] {
      const auto released = with_released_weights(session);
      return metrics_of(session.settings.task, session.data.encoder, session.data.dev,
                        score(*session.model, session.data.dev));
    };
    hooks.save = [&](const nn::TrainState& state) {
      if (state.best_step != state.step || state.step == 0) return;
      const auto released = with_released_weights(session);
      best = copy_of(*session.model);
    };
  }
  hooks.stopping = [&] { return context.stopping(); };
  nn::TrainState state;
  if (nn::train(*session.step, options, hooks, state) == nn::TrainEnd::kInterrupted) check_stop(context);
  if (best.empty()) return;
  session.average = nullptr;  // the best weights are released ones already
  nn::load_model_tensors(*session.model, best, "the best weights");
}

void train_one_by_one(const TrainingPool& pool, std::span<const PoolModel> models, core::OperationContext& context,
                      const std::function<void(std::size_t, nn::Model&)>& finished) {
  KnownNoise noise;
  core::OperationContext quiet;
  quiet.stop = context.stop;
  quiet.quiet = true;
  for (std::size_t k = 0; k < models.size(); ++k) {
    check_stop(context);
    Session session{.settings = own_settings(pool, models[k]),
                    .parallel = std::make_shared<nn::ParallelRun>(),
                    .run = core::RunDir::kept_elsewhere("shadow")};
    noise.apply(models[k].examples.size(), session.settings);
    session.data.encoder = pool.encoder;
    session.data.train = select(pool.pool, models[k].examples);
    session.data.dev = pool.dev;
    session.model = make_run_model(session.settings, session.data.encoder, vectors_of(pool));
    prepare(session, false, quiet);
    if (auto* step = dynamic_cast<dp::PrivateStep*>(session.step.get())) {
      noise.learn(models[k].examples.size(), step->plan().noise_multiplier());
    }
    train_alone(session, quiet);
    const auto released = with_released_weights(session);
    finished(k, *session.model);
  }
}

}  // namespace

std::string not_stacked(const TrainingPool& pool) {
  const Settings& settings = pool.settings;
  const ModelOptions& model = settings.model;
  if (pool.encoder.tags.size() > 0 || pool.encoder.intents.size() == 0 || pool.encoder.language.end >= 0 ||
      (settings.task != "intent-slot" && settings.task != "text-classification")) {
    return "the task is another than one class for each text";
  }
  if (model.kind != "bow" && model.kind != "lstm" && model.kind != "bilstm") {
    return fmt::format("models of kind {} are not stacked", model.kind);
  }
  if (pool.encoder.characters) return "the model reads characters";
  if (!model.pooling.empty() && model.pooling != "mean") return "the model pools by " + model.pooling;
  if (model.dropout > 0 || model.word_dropout > 0) return "dropout draws masks for each model";
  if (model.skip || model.norm_inputs) return "the heads read more than the encoder's rows";
  if (!model.start.empty() || !model.adapter.empty() || model.lora_rank > 0 || !settings.train.trainable.empty()) {
    return "models that start from others are not stacked";
  }
  if (settings.train.average > 0) return "weights are averaged over steps";
  if (settings.train.layer_decay != 1) return "layers have learning rates of their own";
  if (settings.train.patience > 0 && pool.dev.size() > 0) return "each model stops at its own step";
  if (!settings.privacy.is_private()) return {};
  const PrivacyOptions& privacy = settings.privacy;
  if (privacy.mechanism != "dp-sgd" || privacy.unit != "example") {
    return fmt::format("{} of unit {} is not stacked", privacy.mechanism, privacy.unit);
  }
  // One norm for all layers: those that a rule by layer would need are not known here.
  if (privacy.clipping != "flat" && privacy.clipping != "auto-s" && privacy.clipping != "global") {
    return "clipping by the rule " + privacy.clipping + " is not stacked";
  }
  return {};
}

void train_on_parts(const TrainingPool& pool, std::span<const PoolModel> models, bool stack,
                    core::OperationContext& context,
                    const std::function<void(std::size_t, nn::Model&)>& finished) {
  if (models.empty()) return;
  set_threads(pool.settings.train.threads);
  if (!stack || !not_stacked(pool).empty()) {
    train_one_by_one(pool, models, context, finished);
    return;
  }
  // A stack takes the same number of steps: parts of another size make a stack of their own.
  std::map<std::int64_t, std::vector<std::size_t>> by_steps;
  for (std::size_t k = 0; k < models.size(); ++k) by_steps[steps_of(pool, models[k])].push_back(k);
  for (const auto& [steps, places] : by_steps) {
    std::vector<PoolModel> same;
    for (const std::size_t k : places) same.push_back(models[k]);
    train_stacked(pool, same, context, [&](std::size_t k, nn::Model& trained) { finished(places[k], trained); });
  }
}

EncodedData joined(const EncodedData& first, const EncodedData& second) {
  if (!first.owners.empty() || !second.owners.empty()) throw internal_error("joined windows of longer texts");
  if (first.size() == 0) return second;
  if (second.size() == 0) return first;
  EncodedData both = first;
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  const auto append_offsets = [](std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
    const std::int64_t shift = to.back();
    for (std::size_t i = 1; i < from.size(); ++i) to.push_back(from[i] + shift);
  };
  // What says nothing is empty on one side and zeros on the other.
  if (both.token_types.empty() && !second.token_types.empty()) both.token_types.assign(both.tokens.size(), 0);
  append(both.examples, second.examples);
  append(both.tokens, second.tokens);
  append_offsets(both.offsets, second.offsets);
  append(both.intents, second.intents);
  append(both.tags, second.tags);
  append(both.characters, second.characters);
  if (!second.character_offsets.empty()) append_offsets(both.character_offsets, second.character_offsets);
  append(both.token_types, second.token_types);
  if (!both.token_types.empty()) both.token_types.resize(both.tokens.size(), 0);
  append(both.places, second.places);
  both.raw_bytes += second.raw_bytes;
  both.cut_examples += second.cut_examples;
  both.cut_tokens += second.cut_tokens;
  return both;
}

}  // namespace discreet::app
