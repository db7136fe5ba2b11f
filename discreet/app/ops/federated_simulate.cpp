#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <torch/version.h>

#include "discreet/app/ops/internal/federation.h"
#include "discreet/app/ops/internal/model_folder.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/app/recipes.h"
#include "discreet/app/scores.h"
#include "discreet/core/error.h"
#include "discreet/core/progress.h"
#include "discreet/core/registry.h"
#include "discreet/core/threads.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/model.h"
#include "discreet/privacy/ledger.h"
#include "discreet/stats/divergence.h"

namespace discreet {
namespace app {
namespace {
namespace fs = std::filesystem;

core::Config simulation_config(const Json& request) {
  std::vector<std::string> files;
  if (request.contains("resume")) {
    files.push_back((fs::path(request["resume"].get<std::string>()) / "config.toml").string());
    core::Config config;
    config.add_toml_file(files.front());
    return config;
  }
  if (request.contains("recipe")) files.push_back(find_recipe(request["recipe"].get<std::string>()).string());
  if (request.contains("config")) files.push_back(request["config"].get<std::string>());
  core::Config config =
      read_config(files, request.value("set", Json::array()).get<std::vector<std::string>>());
  if (request.contains("run")) config.set("run.dir", request["run"], "--run");
  if (request.value("insecure_seed", false)) {
    const Json& seed = config.at("run.seed");
    config.set("privacy.insecure_seed", seed.is_null() ? Json(1) : seed, "--insecure-seed");
  }
  return config;
}

void check_settings(const Settings& settings) {
  if (settings.run.device != "auto" && settings.run.device != "cpu") {
    throw usage_error(fmt::format("run.device = \"{}\": the simulation trains on CPU threads",
                                  settings.run.device),
                      "Set run.device = \"cpu\", or leave it out.");
  }
  if (settings.data.test.empty() && settings.data.dev.empty()) {
    throw usage_error("federated simulate needs data.test or data.dev to look at after each round");
  }
  if (settings.train.average > 0 || settings.train.schedule != "constant" ||
      settings.train.layer_decay != 1) {
    throw usage_error("train.average, train.schedule and train.layer_decay are for `discreet train`",
                      "Clients train with one constant rate; leave them out.");
  }
}

fs::path simulation_folder(const Settings& settings) {
  if (!settings.run.dir.empty()) return settings.run.dir;
  return fs::path("runs") / fmt::format("federated-{}-{}", settings.task, settings.model.kind);
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
          .seed = static_cast<std::uint64_t>(s.run.seed)};
}

/// Everything that configuration and data decide.
std::unique_ptr<Federation> make_federation(const core::Config& config) {
  auto federation = std::make_unique<Federation>();
  federation->settings = parse_settings(config);
  federation->federated = parse_federated(config, federation->settings);
  const Settings& settings = federation->settings;
  check_settings(settings);
  at::set_num_threads(1);
  federation->data = load_run_data(settings);
  divide_clients(*federation);
  const auto examples =
      std::make_shared<const nn::EncodedExamples>(to_examples(federation->data.train));
  const int asked = static_cast<int>(settings.train.threads);
  const int threads = asked > 0 ? asked : core::available_threads();
  const auto make_model = [&] { return make_run_model(settings, federation->data.encoder); };
  federation->runner = std::make_unique<federated::RoundRunner>(make_model, examples,
                                                                local_options(*federation), threads);
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
  plan_privacy(*federation);
  return federation;
}

core::Manifest simulation_manifest(const Federation& federation) {
  core::Manifest manifest;
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  for (std::string word; std::getline(in, word, '\0');) manifest.command_line.push_back(word);
  manifest.seeds["run"] = static_cast<std::uint64_t>(federation.settings.run.seed);
  manifest.libtorch = TORCH_VERSION;
  manifest.blas = at::hasMKL() ? "mkl" : at::hasLAPACK() ? "lapack" : "none";
  manifest.inputs = federation.data.inputs;
  return manifest;
}

privacy::PrivacyStatement state_federation(Federation& federation, const std::string& status) {
  privacy::PrivacyRun run = *federation.plan;
  if (status == "spent") {
    privacy::set_spent(run, privacy::read_ledger(federation.run->path() / "ledger.jsonl").event);
  }
  const privacy::PrivacyStatement statement = privacy::state_privacy(run);
  Json document = statement.document;
  document["status"] = status;
  federation.run->write_document("privacy.json", document);
  return statement;
}

/// The data of the period that round `round` (from 1) lies in are on the devices.
void bring_data(Federation& federation, std::int64_t round) {
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t period = 1 + (round - 1) * own.periods / own.rounds;
  while (federation.period < period) {
    ++federation.period;
    for (std::size_t k = 0; k < federation.clients.size(); ++k) {
      const auto parts = federated::arrivals(federation.clients[k].items, own.periods);
      federation.stores[k].arrive(federation.period,
                                  parts[static_cast<std::size_t>(federation.period - 1)]);
    }
  }
}

std::string main_metric(const std::string& task) {
  if (task == "text-classification") return "accuracy";
  if (task == "tagging") return "entity_f1";
  if (task == "intent-slot") return "exact_match";
  return task == "span-qa" ? "f1" : "perplexity";
}

const EncodedData& evaluated(const Federation& federation) {
  return federation.data.test.size() > 0 ? federation.data.test : federation.data.dev;
}

Json evaluate_federation(Federation& federation) {
  const std::vector<float> weights(federation.weights.begin(), federation.weights.end());
  federation.runner->first().write(weights);
  return metrics_of(federation.settings.task, federation.data.encoder, evaluated(federation),
                    score(federation.runner->first().model(), evaluated(federation)));
}

void note_clients(Federation& federation, const std::vector<federated::ClientJob>& jobs,
                  const federated::RoundResult& result) {
  for (const federated::ClientJob& job : jobs) {
    ++federation.selected[static_cast<std::size_t>(job.client)];
  }
  for (std::size_t i = 0; i < result.reports.size(); ++i) {
    const auto place = static_cast<std::size_t>(result.reports[i].client);
    federation.last_loss[place] = result.reports[i].loss;
    federation.last_root_mean_square[place] = result.root_mean_square_loss[i];
  }
}

/// One round, numbered as in algorithm descriptions.
Json run_round(Federation& federation, bool evaluates) {
  const bool is_private = federation.settings.privacy.is_private();
  const std::int64_t round = federation.round + 1;
  // 1. Data arrive, a cohort is chosen.
  bring_data(federation, round);
  std::vector<std::string> notes;
  federated::RoundRequest request;
  request.round = round;
  request.jobs = choose_clients(federation, notes);
  request.all_clients = static_cast<std::int64_t>(federation.clients.size());
  request.clip_norm = is_private ? federation.settings.privacy.clip_norm : 0;
  request.alike = is_private;
  // 2. Clients train; their differences are added up.
  const std::vector<float> start(federation.weights.begin(), federation.weights.end());
  request.start = start;
  federated::RoundResult result = federation.runner->run(request, *federation.strategy,
                                                         *federation.compressor, federation.memories);
  // 3. The server moves. A private round without clients still has its noise and its event.
  if (is_private) make_private(federation, result.sum);
  if (is_private || !result.reports.empty()) {
    federation.strategy->apply(federation.weights, result.sum, result.reports);
  }
  note_clients(federation, request.jobs, result);
  federation.round = round;
  // 4. What there is to say of it.
  std::int64_t examples = 0;
  for (const federated::ClientJob& job : request.jobs) {
    examples += static_cast<std::int64_t>(job.examples.size());
  }
  Json line = {{"round", round}, {"period", federation.period}};
  if (evaluates) {
    const Json metrics = evaluate_federation(federation);
    line["loss"] = metrics.value("loss", 0.0);
    line["metric"] = metrics.value(main_metric(federation.settings.task), 0.0);
    line["metrics"] = metrics;
  } else {
    core::set_absent(line, "loss", "not evaluated in this round");
    core::set_absent(line, "metric", "not evaluated in this round");
  }
  double loss = 0;
  for (const federated::ClientReport& report : result.reports) loss += report.loss;
  if (!result.reports.empty()) line["client_loss"] = loss / double(result.reports.size());
  line["clients"] = request.jobs.size();
  line["examples"] = examples;
  line["dropped"] = result.dropped.size();
  if (is_private) line["clipped"] = result.clipped;
  line["bytes_up"] = result.bytes_up;
  line["bytes_down"] = result.bytes_down;
  if (!notes.empty()) line["notes"] = notes;
  return line;
}

Json final_of(Federation& federation, const privacy::PrivacyStatement* statement) {
  std::vector<double> counts(federation.selected.begin(), federation.selected.end());
  std::int64_t up = 0, down = 0, examples = 0, dropped = 0;
  for (const Json& round : federation.rounds) {
    up += round["bytes_up"].get<std::int64_t>();
    down += round["bytes_down"].get<std::int64_t>();
    examples += round["examples"].get<std::int64_t>();
    dropped += round["dropped"].get<std::int64_t>();
  }
  const Json metrics = evaluate_federation(federation);
  Json final = {{"loss", metrics.value("loss", 0.0)},
                {"metric", metrics.value(main_metric(federation.settings.task), 0.0)},
                {"metric_name", main_metric(federation.settings.task)},
                {"metrics", metrics},
                {"rounds", federation.round},
                {"clients", federation.clients.size()},
                {"examples", examples},
                {"dropped", dropped},
                {"bytes_up", up},
                {"bytes_down", down},
                {"values", federation.runner->values()},
                {"participation_gini", stats::gini(counts)},
                {"never_selected", std::count(counts.begin(), counts.end(), 0.0)}};
  if (statement != nullptr) {
    final["epsilon"] = core::number(statement->epsilon.value);
    final["delta"] = federation.plan->delta;
    final["statement"] = statement->words;
  } else {
    core::set_absent(final, "epsilon", "the federation has no privacy mechanism");
    core::set_absent(final, "delta", "the federation has no privacy mechanism");
  }
  return final;
}

void write_federated_model(Federation& federation, const Json& final) {
  ModelCard card;
  card.trainable_values = federation.runner->values();
  card.metrics = final["metrics"];
  card.split = federation.data.test.size() > 0 ? "test" : "dev";
  card.statement = final.value("statement", "Trained without a privacy mechanism: nothing is guaranteed.");
  federation.run->write_model([&](const fs::path& folder) {
    fill_model_folder(folder, federation.settings, federation.data.encoder, card);
    nn::write_tensors(folder / "model.safetensors",
                      nn::model_tensors(federation.runner->first().model()));
  });
}

Json simulate_to_end(Federation& federation, core::OperationContext& context) {
  const auto started = std::chrono::steady_clock::now();
  const std::int64_t rounds = federation.federated.own.rounds;
  const TrainOptions& train = federation.settings.train;
  const std::int64_t evaluate_every = std::max<std::int64_t>(1, train.eval_every);
  const std::int64_t checkpoint_every = train.checkpoint_every > 0 ? train.checkpoint_every : 20;
  core::Progress progress(
      {.label = "simulate", .total = rounds, .start = federation.round, .quiet = context.quiet});
  while (federation.round < rounds) {
    const std::int64_t next = federation.round + 1;
    Json line = run_round(federation, next % evaluate_every == 0 || next == rounds);
    Json metric = {{"step", next}, {"split", "round"}};
    metric.update(line);
    federation.run->append_metric(metric);
    progress.update(next, {.loss = line["loss"].is_number() ? line["loss"].get<double>() : 0});
    federation.rounds.push_back(std::move(line));
    const bool stops = context.stopping();
    if (stops || next % checkpoint_every == 0 || next == rounds) save_federation(federation);
    if (stops && next < rounds) {
      throw core::interrupted(
          context, fmt::format("Round {} is saved; go on with: discreet federated simulate --resume {}",
                               next, federation.run->path().string()));
    }
  }
  progress.finish();
  std::optional<privacy::PrivacyStatement> statement;
  if (federation.plan) statement = state_federation(federation, "spent");
  Json document = core::make_document(
      {.schema = "discreet.federated.simulate/1",
       .configuration = {{"strategy", federation.federated.own.strategy},
                         {"selection", federation.federated.own.selection},
                         {"weights", federation.federated.own.weights},
                         {"federated", dump_federated(federation.federated)}},
       .inputs = federation.data.inputs});
  document["run"] = federation.run->path().string();
  document["rounds"] = federation.rounds;
  document["final"] = final_of(federation, statement ? &*statement : nullptr);
  for (const std::string& caveat : federation.caveats) document["caveats"].push_back(caveat);
  if (statement) {
    for (const std::string& caveat : statement->caveats) document["caveats"].push_back(caveat);
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
  document["seconds"] = seconds.count();
  write_federated_model(federation, document["final"]);
  federation.run->write_document("simulation.json", document);
  federation.run->update_manifest({{"finished", true}});
  return document;
}

Json simulate_operation(const Json& request, core::OperationContext& context) {
  const core::Config config = simulation_config(request);
  auto federation = make_federation(config);
  if (request.contains("resume")) {
    federation->run = core::RunDir::open_for_writing(request["resume"].get<std::string>());
    const auto checkpoint = federation->run->latest_checkpoint();
    if (!checkpoint) {
      throw usage_error(request["resume"].get<std::string>() + ": there is no checkpoint to go on from");
    }
    load_federation(*federation, *checkpoint);
    federation->run->truncate_metrics(federation->round);
    bring_data(*federation, std::max<std::int64_t>(1, federation->round));
    return simulate_to_end(*federation, context);
  }
  Json dumped = dump_settings(federation->settings);
  dumped["federated"] = dump_federated(federation->federated);
  federation->run = core::RunDir::create(simulation_folder(federation->settings),
                                         simulation_manifest(*federation), dumped,
                                         request.value("force", false));
  if (federation->plan) state_federation(*federation, "planned");
  return simulate_to_end(*federation, context);
}

}  // namespace
}  // namespace app

void register_operation_federated_simulate(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "federated_simulate",
                .summary = "Simulates a federation: clients, server and what lies between",
                .make = core::Operation(&app::simulate_operation)});
}

}  // namespace discreet
