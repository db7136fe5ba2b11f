#include "discreet/app/ops/internal/session.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <torch/version.h>

#include "discreet/app/internal/encoder.h"
#include "discreet/app/ops/internal/device.h"
#include "discreet/app/ops/internal/lineage.h"
#include "discreet/app/ops/internal/pretrained_start.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/nn/adapt.h"
#include "discreet/nn/adversary.h"
#include "discreet/nn/average.h"
#include "discreet/nn/batch.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/nn/distributed/share.h"
#include "discreet/nn/model.h"
#include "discreet/nn/ordinary_step.h"
#include "discreet/nn/token_batches.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> command_line() {
  std::vector<std::string> words;
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  for (std::string word; std::getline(in, word, '\0');) words.push_back(word);
  return words;
}

core::Manifest manifest_of(const Settings& settings, const DistillOptions& distill, const RunData& data,
                           const nn::ParallelRun& parallel) {
  core::Manifest manifest;
  manifest.command_line = command_line();
  manifest.seeds["run"] = static_cast<std::uint64_t>(settings.run.seed);
  manifest.threads = at::get_num_threads();
  manifest.device = find_device(settings.run.device).str();
  manifest.libtorch = TORCH_VERSION;
  manifest.blas = at::hasMKL() ? "mkl" : at::hasLAPACK() ? "lapack" : "none";
  manifest.inputs = data.inputs;
  if (const Json behind = learnt_from(settings, distill); !behind.empty()) manifest.more["learnt_from"] = behind;
  if (!parallel.alone()) manifest.more["processes"] = describe_processes(parallel);
  return manifest;
}

void write_hold_out(Session& session) {
  if (session.data.hold_out.size() == 0) return;
  const auto& indices = session.data.hold_out_indices;
  session.run.write_document("holdout.json", {{"schema", "discreet.holdout/1"},
                                              {"data", session.settings.data.train},
                                              {"fraction", session.settings.data.hold_out},
                                              {"seed", session.settings.run.seed},
                                              {"n", indices.size()},
                                              {"sha256", content_sha256(session.data.hold_out.examples)},
                                              {"indices", indices}});
}

/// Prepares the run without its folder, and takes all of it back: what refuses the new run does so while
/// the one that it would replace is still there.
void rehearse(Session& session) {
  core::OperationContext context;
  context.quiet = true;
  prepare(session, false, context);
  session.step = nullptr;
  session.average = nullptr;
  session.trained = nullptr;
  session.model = nullptr;
  session.plan.reset();
}

}  // namespace

fs::path run_folder(const Settings& settings) {
  if (!settings.run.dir.empty()) return settings.run.dir;
  return fs::path("runs") / fmt::format("{}-{}{}", settings.task, settings.model.kind,
                                        settings.privacy.is_private() ? "-" + settings.privacy.mechanism : "");
}

std::int64_t step_count(const Settings& settings, std::int64_t units) {
  if (settings.train.steps) return *settings.train.steps;
  const std::int64_t batch = settings.train.batch_size;
  return settings.train.epochs.value_or(1) * ((units + batch - 1) / batch);
}

nn::OptimizerOptions optimizer_options(const Session& session) {
  const TrainOptions& train = session.settings.train;
  nn::OptimizerOptions options{.kind = nn::parse_optimizer(train.optimizer),
                               .momentum = train.momentum,
                               .beta1 = train.beta1,
                               .beta2 = train.beta2,
                               .weight_decay = train.weight_decay,
                               .floor = train.second_moment_floor};
  if (train.layer_decay != 1) options.rate_of = nn::layer_rates(*session.model, train.layer_decay);
  return options;
}

void set_threads(std::int64_t threads) {
  if (threads > 0) at::set_num_threads(static_cast<int>(threads));
}

Session start_session(const Settings& settings, bool force,
                      const std::shared_ptr<nn::ParallelRun>& parallel, const fs::path& given,
                      const DistillOptions& distill) {
  set_threads(settings.train.threads);
  find_device(settings.run.device);  // refused before anything is read
  RunData data = load_run_data(settings, distill);
  check_same_run(*parallel, settings, data);
  const fs::path folder = given.empty() ? run_folder(settings) : given;
  Session session{.settings = settings,
                  .parallel = parallel,
                  .run = core::RunDir::kept_elsewhere(folder),
                  .data = std::move(data),
                  .distill = distill};
  if (force) rehearse(session);
  if (parallel->group->leads()) {
    session.run = core::RunDir::create(folder, manifest_of(settings, distill, session.data, *parallel),
                                       dump_settings(settings, distill), force);
  }
  write_hold_out(session);
  return session;
}

namespace {

std::vector<double> weights_of(const Settings& settings, const EncodedData& data) {
  std::vector<double> weights;
  const std::string& column = settings.mitigate.weight;
  for (const text::Example& example : data.examples) {
    const auto cell = example.groups.find(column);
    const std::string text = cell == example.groups.end() ? "" : cell->second;
    double weight = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
    if (error != std::errc() || end != text.data() + text.size() || !(weight >= 0) || !std::isfinite(weight)) {
      throw bad_data(fmt::format("data.train = \"{}\": line {} has '{}' in column '{}', expected a weight of 0 or more",
                                 settings.data.train, example.line, text, column),
                     "discreet mitigate reweigh writes such a column.");
    }
    weights.push_back(weight);
  }
  return weights;
}

/// Classes of the attribute by name, in alphabetical order; -1 where a line says nothing.
std::vector<std::int64_t> attribute_of(const Settings& settings, const EncodedData& data, std::int64_t& classes) {
  const std::string& column = settings.mitigate.attribute;
  std::map<std::string, std::int64_t> names;
  const auto cell = [&](const text::Example& example) {
    const auto found = example.groups.find(column);
    return found == example.groups.end() ? std::string() : found->second;
  };
  for (const text::Example& example : data.examples) {
    if (const std::string value = cell(example); !value.empty()) names.emplace(value, 0);
  }
  if (names.size() < 2) {
    throw bad_data(fmt::format("data.train = \"{}\": column '{}' of mitigate.protected has {} different values, expected two or more",
                               settings.data.train, column, names.size()));
  }
  classes = 0;
  for (auto& [name, number] : names) number = classes++;
  std::vector<std::int64_t> attribute;
  for (const text::Example& example : data.examples) {
    const std::string value = cell(example);
    attribute.push_back(value.empty() ? -1 : names.at(value));
  }
  return attribute;
}

/// What [mitigate] makes of the loss; null: nothing.
std::shared_ptr<nn::LossRule> loss_rule(const Session& session) {
  const MitigateOptions& asked = session.settings.mitigate;
  std::shared_ptr<nn::LossRule> rule;
  if (!asked.weight.empty()) rule = std::make_shared<nn::WeightedLoss>(weights_of(session.settings, session.data.train));
  if (asked.adversary == 0) return rule;
  if (!session.parallel->alone()) {
    throw usage_error("mitigate.adversary is for one process", "Run without launch, or leave it out.");
  }
  nn::AdversaryOptions options{.weight = asked.adversary,
                               .hidden = asked.adversary_hidden,
                               .labels = asked.adversary_label ? session.data.encoder.intents.size() : 0,
                               .seed = static_cast<std::uint64_t>(session.settings.run.seed),
                               .optimizer = {.kind = nn::parse_optimizer(session.settings.train.optimizer)}};
  std::vector<std::int64_t> attribute = attribute_of(session.settings, session.data.train, options.classes);
  return std::make_shared<nn::AdversarialLoss>(std::move(attribute), options, rule);
}

void prepare_ordinary(Session& session) {
  const auto examples = std::make_shared<const nn::EncodedExamples>(to_examples(session.data.train));
  session.steps = session.steps_allowed = step_count(session.settings, examples->size());
  const nn::OrdinaryStepOptions options{.examples = examples->size(),
                                        .batch_size = session.settings.train.batch_size,
                                        .seed = static_cast<std::uint64_t>(session.settings.run.seed),
                                        .max_norm = session.settings.train.gradient_clip,
                                        .optimizer = optimizer_options(session),
                                        .parallel = session.parallel,
                                        .loss = loss_rule(session),
                                        .lengths = nn::lengths_of(examples->offsets),
                                        .part_tokens = part_tokens(session)};
  session.step = std::make_shared<nn::OrdinaryStep>(
      *session.trained,
      [examples](std::span<const std::int64_t> indices, std::span<const std::int64_t> segments) {
        return nn::collate(*examples, indices, segments);
      },
      options);
}

}  // namespace

std::int64_t part_tokens(const Session& session) {
  const std::int64_t asked = session.settings.train.physical_tokens;
  const Encoder& encoder = session.data.encoder;
  const double told = encoder.language.end >= 0 ? 1 : encoder.task == "masked-lm" ? encoder.masks.rate : 0;
  const double logits = told * static_cast<double>(table_entries(encoder));
  constexpr double kLogits = 1 << 26;
  if (logits * static_cast<double>(asked) <= kLogits) return asked;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(kLogits / logits));
}

void prepare(Session& session, bool resumed, core::OperationContext& context) {
  if (session.model == nullptr) session.model = make_run_model(session.settings, session.data.encoder);
  if (!session.distill.layers.empty()) take_layers(session.distill, *session.model);
  session.model->move_to(find_device(session.settings.run.device));
  session.trainable_values = nn::trainable_values(*session.model);
  session.trained = with_teacher(session, context);
  if (session.settings.privacy.is_private()) {
    prepare_private(session, resumed, context);
  } else {
    prepare_ordinary(session);
  }
  if (session.settings.train.average == 0) return;
  const auto averaged = std::make_shared<nn::AveragedStep>(
      session.step, nn::trainable_parameters(*session.model), session.settings.train.average,
      session.parallel);
  session.average = {averaged, &averaged->average()};
  session.step = averaged;
}

std::shared_ptr<void> with_released_weights(const Session& session) {
  if (session.average == nullptr) return nullptr;
  return std::make_shared<nn::WeightAverage::InPlace>(*session.average);
}

bool leads(const Session& session) { return leads(*session.parallel); }

bool alone(const Session& session) { return session.parallel->alone(); }

bool agreed_to_stop(const Session& session) { return session.parallel->stop; }

Json share_document(const Session& session, const Json& document) {
  return nn::share_json(*session.parallel->group, document);
}

namespace {

void write_checkpoint(core::RunDir& run, const Session& session, const nn::TrainState& state) {
  run.write_checkpoint(state.step, state.to_json(), [&](const fs::path& folder) {
    nn::fill_checkpoint(folder, *session.model, *session.step);
  });
  run.remove_old_checkpoints(2, {state.best_step});
}

}  // namespace

void save_checkpoint(Session& session, const nn::TrainState& state) {
  session.step->prepare_save();
  write_checkpoint(session.run, session, state);
}

void load_checkpoint(Session& session, const core::Checkpoint& checkpoint) {
  nn::load_checkpoint(checkpoint.folder, *session.model, *session.step, *session.parallel->group);
}

void go_on(Session& session, std::int64_t step, std::int64_t lost) { session.step->go_on(step, lost); }

void take_parameters_of(Session& session, std::int64_t step) {
  load_checkpoint(session, leads(session) ? session.run.load_checkpoint(step) : core::Checkpoint{});
}

std::string save_after_loss(Session& session, const nn::TrainState& state, const nn::LostProcess& lost) {
  const std::string resume = fmt::format(
      "go on, with any number of processes, by: discreet resume {}", session.run.path().string());
  if (session.parallel->sharded_optimizer) {
    // The lost process took its part of the optimiser's state along.
    const auto steps = leads(session) ? session.run.checkpoint_steps() : std::vector<std::int64_t>();
    if (steps.empty()) return "The last checkpoint, if there is one, is whole; " + resume;
    return fmt::format("The last checkpoint is of step {}; {}", steps.back(), resume);
  }
  const std::string saved = fmt::format("Step {} is saved; {}", state.step, resume);
  if (leads(session)) {
    write_checkpoint(session.run, session, state);
    return saved;
  }
  if (lost.ranks() != std::vector<int>{0}) return "";
  // Rank 0 is gone, and the kernel has dropped its lock: whoever can take it saves, all have the same.
  try {
    core::RunDir run = core::RunDir::open_for_writing(session.run.path());
    write_checkpoint(run, session, state);
  } catch (const Error&) {
    return "The last whole step is saved by another process, if it could be; " + resume;
  }
  return saved;
}

void write_model_weights(const Session& session, const fs::path& folder) {
  nn::write_tensors(folder / "model.safetensors", nn::model_tensors(*session.model));
  save_start(folder, session.settings, *session.model);
}

}  // namespace discreet::app
