#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "discreet/app/ops/internal/federation.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/app/ops/internal/run_parts.h"
#include "discreet/core/error.h"
#include "discreet/core/threads.h"
#include "discreet/nn/model.h"
#include "discreet/nn/schedule.h"

namespace discreet::app {
namespace {

void check_settings(const Settings& settings) {
  if (settings.run.device != "auto" && settings.run.device != "cpu") {
    throw usage_error(fmt::format("run.device = \"{}\": the simulation trains on CPU threads",
                                  settings.run.device),
                      "Set run.device = \"cpu\", or leave it out.");
  }
  if (settings.data.test.empty() && settings.data.dev.empty()) {
    throw usage_error("federated simulate needs data.test or data.dev to look at after each round");
  }
}

nn::ScheduleKind schedule_kind_of(const Settings& settings) {
  if (settings.train.schedule == "linear") return nn::ScheduleKind::kLinear;
  return settings.train.schedule == "cosine" ? nn::ScheduleKind::kCosine : nn::ScheduleKind::kConstant;
}

std::shared_ptr<const std::vector<std::string>> names_of(const std::vector<FederatedClient>& clients) {
  auto names = std::make_shared<std::vector<std::string>>();
  for (const FederatedClient& client : clients) names->push_back(client.name);
  return names;
}

federated::LocalOptions local_options(const Federation& federation) {
  const Settings& s = federation.settings;
  const FederatedOptions& own = federation.federated.own;
  const nn::OptimizerOptions optimizer{.kind = nn::parse_optimizer(s.train.optimizer),
                                       .momentum = s.train.momentum,
                                       .beta1 = s.train.beta1,
                                       .beta2 = s.train.beta2,
                                       .weight_decay = s.train.weight_decay,
                                       .floor = s.train.second_moment_floor};
  return {.optimizer = optimizer,
          .learning_rate = s.train.learning_rate,
          .batch_size = s.train.batch_size,
          .epochs = own.local_epochs,
          .most_steps = own.local_steps,
          .gradient_clip = s.train.gradient_clip,
          .proximal = own.strategy == "fedprox" ? federation.federated.strategy.proximal : 0,
          .measure_loss = own.strategy == "qfedavg",
          .seed = static_cast<std::uint64_t>(s.run.seed),
          .names = names_of(federation.clients),
          .schedule = own.schedule_over == "local"
                          ? federated::LocalSchedule{.kind = schedule_kind_of(s),
                                                     .warmup_share = own.local_warmup,
                                                     .final_fraction = s.train.final_fraction}
                          : federated::LocalSchedule{},
          .personal = own.personal,
          .ditto = own.strategy == "ditto" ? federation.federated.strategy.personal_pull : 0,
          .exact_lora = own.lora == "exact",
          .labels = federation.labels};
}

/// Small models train without autograd, on the words that a client has; see federated/engine.
void use_small_trainer(Federation& federation, const nn::EncodedExamples& examples) {
  const Settings& s = federation.settings;
  const FederatedOptions& own = federation.federated.own;
  static const std::set<std::string> kKinds = {"bow", "lstm", "bilstm"};
  const bool plain = s.task == "text-classification" && kKinds.count(s.model.kind) > 0 && s.model.lora_rank == 0 &&
                     s.train.trainable.empty() && s.model.char_embedding == 0;
  const bool local = own.strategy != "scaffold" && own.strategy != "qfedavg" && !has_personal_models(federation) &&
                     own.selection != "oort";
  if (federation.labels != nullptr || own.trainer != "auto" || !plain || !local) return;
  nn::Model& model = federation.runner->first().model();
  nn::StackedSpec spec{.model = model_spec(s.model),
                       .sizes = {.vocabulary = table_entries(federation.data.encoder),
                                 .intents = federation.data.encoder.intents.size(),
                                 .tags = federation.data.encoder.tags.size()},
                       .vectors = {},
                       .seeds = {1}};
  if (!s.model.vectors.empty()) {
    spec.vectors = model.named_parameters()["encoder.embedding.weight"].detach().clone();
  }
  std::unique_ptr<nn::StackedModel> stacked;
  try {
    stacked = std::make_unique<nn::StackedModel>(spec);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kUsage) return;  // what such models cannot have: the general trainer can
    throw;
  }
  federation.runner->use_small(stacked->shape(), stacked->prepare(examples));
}

/// LoRA of which A stays as it was drawn, the same on all clients, so that means of B are means of B A.
void freeze_lora_a(const Federation& federation, nn::Model& model) {
  if (federation.federated.own.lora != "freeze-a") return;
  for (const auto& item : model.named_parameters()) {
    if (!item.key().ends_with(".lora_a")) continue;
    at::Tensor parameter = item.value();
    parameter.set_requires_grad(false);
  }
}

}  // namespace

double rate_of_round(const Federation& federation) {
  const TrainOptions& train = federation.settings.train;
  if (federation.federated.own.schedule_over == "local") return train.learning_rate;
  return nn::learning_rate_at({.kind = schedule_kind_of(federation.settings),
                               .peak = train.learning_rate,
                               .steps = federation.federated.own.rounds,
                               .warmup_steps = train.warmup,
                               .final_fraction = train.final_fraction},
                              federation.round);
}

std::unique_ptr<Federation> make_federation(const core::Config& config,
                                            const std::shared_ptr<nn::ParallelRun>& parallel) {
  auto federation = std::make_unique<Federation>();
  federation->parallel = parallel;
  federation->settings = parse_settings(config);
  federation->federated = parse_federated(config, federation->settings);
  const Settings& settings = federation->settings;
  check_settings(settings);
  at::set_num_threads(1);
  federation->data = load_run_data(settings);
  if (!parallel->alone()) check_same_run(*parallel, settings, federation->data);
  divide_clients(*federation);
  prepare_labels(*federation);
  plan_periods(*federation);
  const auto examples =
      std::make_shared<const nn::EncodedExamples>(to_examples(federation->data.train));
  const int asked = static_cast<int>(settings.train.threads);
  const int threads =
      asked > 0 ? asked : std::max(1, core::available_threads() / parallel->group->size());
  const auto make_model = [&] {
    auto model = make_run_model(settings, federation->data.encoder);
    freeze_lora_a(*federation, *model);
    return model;
  };
  federation->runner = std::make_unique<federated::RoundRunner>(make_model, examples,
                                                                local_options(*federation), threads);
  federation->runner->set_processes(parallel->group);
  use_small_trainer(*federation, *examples);
  federation->strategy = federated::make_strategy(federation->federated.own.strategy,
                                                  federation->federated.strategy);
  federation->compressor =
      federated::make_compressor(federation->federated.own.compression,
                                 {.share = federation->federated.own.compression_share});
  std::vector<float> start(static_cast<std::size_t>(federation->runner->values()));
  federation->runner->first().read(start);
  federation->weights.assign(start.begin(), start.end());
  if (federation->federated.own.strategy == "scaffold") {
    federation->memories.server_control.assign(start.size(), 0.0);
  }
  draw_devices(*federation);
  plan_privacy(*federation);
  return federation;
}

}  // namespace discreet::app
