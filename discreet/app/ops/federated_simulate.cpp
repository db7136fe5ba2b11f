#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <torch/version.h>

#include "discreet/app/internal/budget.h"
#include "discreet/app/ops/internal/federation.h"
#include "discreet/app/ops/internal/lineage.h"
#include "discreet/app/ops/internal/model_folder.h"
#include "discreet/app/ops/internal/run_parts.h"
#include "discreet/app/ops/internal/processes.h"
#include "discreet/app/ops/internal/session.h"
#include "discreet/app/ops/internal/text_writer.h"
#include "discreet/app/recipes.h"
#include "discreet/app/scores.h"
#include "discreet/core/error.h"
#include "discreet/core/progress.h"
#include "discreet/core/registry.h"
#include "discreet/nn/checkpoint.h"
#include "discreet/nn/distributed/share.h"
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
    for (const auto& [key, flag] : {std::pair("config", "a configuration"), {"recipe", "--recipe"}, {"set", "--set"}, {"run", "--run"},
                                    {"force", "--force"}, {"insecure_seed", "--insecure-seed"}}) {
      if (!request.contains(key) || request[key] == false || request[key].empty()) continue;
      throw usage_error(fmt::format("--resume goes on with the run's own configuration, and {} is given", flag),
                        "Leave it out, or simulate anew without --resume.");
    }
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

fs::path simulation_folder(const Settings& settings) {
  if (!settings.run.dir.empty()) return settings.run.dir;
  return fs::path("runs") / fmt::format("federated-{}-{}", settings.task, settings.model.kind);
}

core::Manifest simulation_manifest(const Federation& federation) {
  core::Manifest manifest;
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  for (std::string word; std::getline(in, word, '\0');) manifest.command_line.push_back(word);
  manifest.seeds["run"] = static_cast<std::uint64_t>(federation.settings.run.seed);
  manifest.libtorch = TORCH_VERSION;
  manifest.blas = at::hasMKL() ? "mkl" : at::hasLAPACK() ? "lapack" : "none";
  manifest.inputs = federation.data.inputs;
  if (const Json behind = learnt_from(federation.settings, {}); !behind.empty()) manifest.more["learnt_from"] = behind;
  return manifest;
}

const EncodedData& evaluated(const Federation& federation) {
  return federation.data.test.size() > 0 ? federation.data.test : federation.data.dev;
}

void note_reports(Federation& federation, const federated::RoundResult& result) {
  for (std::size_t i = 0; i < result.reports.size(); ++i) {
    const auto place = static_cast<std::size_t>(result.reports[i].client);
    ++federation.reported[place];
    federation.last_loss[place] = result.reports[i].loss;
    federation.last_root_mean_square[place] = result.root_mean_square_loss[i];
  }
}

/// What a selection asked of devices before the round: models sent, numbers returned, examples read.
void note_selection_cost(const Federation& federation, const federated::SelectionCost& cost, Json& line) {
  if (cost.models_down == 0 && cost.examples_read == 0 && cost.gradients == 0 && cost.numbers_up == 0) return;
  const auto values = static_cast<double>(federation.runner->sent_values());
  line["selection"] = {{"bytes_down", cost.models_down * values * 4},
                       {"bytes_up", cost.numbers_up * 4},
                       {"examples_read", cost.examples_read},
                       {"gradients", cost.gradients}};
}

void note_evaluation(Federation& federation, bool evaluates, Json& line) {
  const char* reason = !federation.federated.own.personal.empty()
                           ? "parameters that stay on the clients make no one model"
                           : "not evaluated in this round";
  Json metrics = Json::object();
  if (evaluates && federation.federated.own.personal.empty()) metrics = evaluate_federation(federation, false);
  const std::string name = main_metric_of_task(federation.settings.task);
  for (const auto& [key, from] : {std::pair<std::string, std::string>{"loss", "loss"}, {"metric", name}}) {
    if (metrics.contains(from) && !metrics[from].is_null()) {
      line[key] = metrics[from];
    } else {
      core::set_absent(line, key, reason);
    }
  }
  if (!metrics.empty()) line["metrics"] = metrics;
}

/// Whether so many updates make a step; if not, the round changes nothing and is counted.
bool has_enough(const Federation& federation, std::int64_t reports, Json& line) {
  const FederatedOptions& own = federation.federated.own;
  const std::int64_t least = federation.strategy->least_updates();
  if (reports < least) {
    line["failed"] = fmt::format("{} reports, fewer than the {} that federated.strategy = \"{}\" needs", reports, least, own.strategy);
  } else if (own.secure_aggregation && reports < kLeastSecureSum) {
    line["failed"] = fmt::format("{} reports, fewer than the {} whose sum is looked at", reports, kLeastSecureSum);
  }
  return !line.contains("failed");
}

/// One round, numbered as in algorithm descriptions; of an asynchronous strategy one step of the server.
Json run_round(Federation& federation, bool evaluates) {
  const bool is_private = federation.settings.privacy.is_private();
  const std::int64_t round = federation.round + 1;
  Json line = {{"round", round}};
  // 1. Data arrive, a cohort is chosen; some of it reports in time.
  bring_data(federation, round);
  line["period"] = federation.period;
  std::vector<std::string> notes;
  Cohort cohort;
  bool counts = true;
  if (is_asynchronous(federation)) {
    cohort = next_arrivals(federation, line);
  } else {
    cohort = choose_clients(federation, notes);
    for (const federated::ClientJob& job : cohort.jobs) {
      ++federation.selected[static_cast<std::size_t>(job.client)];
    }
    line["asked"] = cohort.jobs.size();
    counts = run_clock(federation, cohort, line);
    weigh_clients(federation, cohort);
  }
  federated::RoundRequest request;
  request.round = round;
  request.jobs = std::move(cohort.jobs);
  request.one_draw = federation.federated.own.secure_aggregation;
  request.all_clients = static_cast<std::int64_t>(federation.clients.size());
  request.learning_rate = rate_of_round(federation);
  if (is_private) ask_privately(federation, request);
  // 2. Clients train; their differences are added up.
  const std::vector<float> start(federation.weights.begin(), federation.weights.end());
  request.start = start;
  federated::RoundResult result;
  if (counts) {
    result = federation.runner->run(request, *federation.strategy, *federation.compressor, federation.memories);
  }
  // 3. The server moves. A private round without clients still has its noise and its event.
  bool moves = counts && !result.reports.empty();
  if (is_private) {
    moves = make_private(federation, result, line);
  } else if (moves) {
    moves = has_enough(federation, static_cast<std::int64_t>(result.reports.size()), line);
  }
  if (moves) {
    const std::vector<double> before =
        federation.federated.own.lora == "exact" ? federation.weights : std::vector<double>();
    federation.strategy->apply(federation.weights, result.sum, result.reports);
    if (!before.empty()) federation.runner->first().settle_lora(federation.weights, before);
  }
  federation.runner->recycle(std::move(result.sum));
  note_reports(federation, result);
  federation.round = round;
  // 4. What there is to say of it.
  std::int64_t examples = 0;
  for (const federated::ClientJob& job : request.jobs) {
    examples += static_cast<std::int64_t>(job.examples.size());
  }
  if (federation.parallel->group->leads()) note_evaluation(federation, evaluates, line);
  double loss = 0, losses = 0;
  for (const federated::ClientReport& report : result.reports) {
    if (!std::isfinite(report.loss)) continue;  // it sent its noise alone
    loss += report.loss;
    ++losses;
  }
  if (losses > 0) line["client_loss"] = loss / losses;
  line["clients"] = request.jobs.size();
  line["examples"] = examples;
  double steps = 0;
  for (const federated::ClientReport& report : result.reports) steps += report.local_steps;
  line["local_steps"] = static_cast<std::int64_t>(steps);
  line["dropped"] = result.dropped.size();
  if (is_private) line["clipped"] = result.clipped;
  std::int64_t down = result.bytes_down;
  if (round > 1) {
    down += static_cast<std::int64_t>(request.jobs.size()) * 4 *
            federation.runner->first().residual_values(federation.federated.selection.cohort);
  }
  line["bytes_up"] = result.bytes_up + line.value("wasted_bytes_up", std::int64_t{0});
  line["bytes_down"] = down + line.value("wasted_bytes_down", std::int64_t{0});
  note_selection_cost(federation, cohort.cost, line);
  if (!notes.empty()) line["notes"] = notes;
  return line;
}

/// What devices' own rates would cost each of them: for the operator, not a guarantee, and not private.
Json device_rates(const Federation& federation) {
  std::vector<double> activity;
  for (const federated::DeviceStore& store : federation.stores) activity.push_back(static_cast<double>(store.count()));
  auto rates = federated::public_rates(activity, federation.federated.selection);
  if (rates.empty()) return nullptr;
  std::ranges::sort(rates);
  return {{"note", "not private: it tells what devices hold; the guarantee uses the rate at the cap"},
          {"least", rates.front()},
          {"median", rates[rates.size() / 2]},
          {"most", rates.back()},
          {"at_cap", std::min(1.0, federation.federated.selection.public_rate *
                                       static_cast<double>(federation.federated.selection.activity_cap))}};
}

Json final_of(Federation& federation, const privacy::PrivacyStatement* statement) {
  std::vector<double> counts(federation.selected.begin(), federation.selected.end());
  std::int64_t up = 0, down = 0, examples = 0, dropped = 0, failed = 0;
  for (const Json& round : federation.rounds) {
    failed += round.contains("failed") ? 1 : 0;
    up += round["bytes_up"].get<std::int64_t>();
    down += round["bytes_down"].get<std::int64_t>();
    examples += round["examples"].get<std::int64_t>();
    dropped += round["dropped"].get<std::int64_t>();
  }
  Json metrics = Json::object();
  if (federation.federated.own.personal.empty()) metrics = evaluate_federation(federation, true);
  const std::string name = main_metric_of_task(federation.settings.task);
  Json final = {{"metric_name", name},
                {"metrics", metrics},
                {"rounds", federation.round},
                {"clients", federation.clients.size()},
                {"examples", examples},
                {"dropped", dropped},
                {"failed_rounds", failed},
                {"bytes_up", up},
                {"bytes_down", down},
                {"values", federation.runner->sent_values()},
                {"trainer", federation.runner->is_small() ? "small" : "general"},
                {"participation_gini", stats::gini(counts)},
                {"never_selected", std::count(counts.begin(), counts.end(), 0.0)}};
  for (const auto& [key, from] : {std::pair<std::string, std::string>{"loss", "loss"}, {"metric", name}}) {
    if (metrics.contains(from) && !metrics[from].is_null()) {
      final[key] = metrics[from];
    } else {
      core::set_absent(final, key, metrics.empty() ? "parameters that stay on the clients make no one model"
                                                   : "the test data have no labels for it");
    }
  }
  final["stored_bytes"] = {{"mean", federation.stored_mean}, {"most", federation.stored_most}};
  if (federation.periods > 1) final["continual"] = continual_of(federation);
  note_level(federation, final);
  if (Json clock = clock_of(federation); !clock.is_null()) final["clock"] = std::move(clock);
  const bool tests = std::ranges::any_of(federation.clients, [](const FederatedClient& c) { return !c.tests.empty(); });
  if (tests) final["local_tests"] = personal_of(federation);
  if (federation.labels != nullptr) final["labels"] = labels_of(federation);
  if (federation.clip) final["clip_norm"] = federation.clip->clip_norm();
  if (federation.plan && federation.federated.selection.public_rate > 0) {
    final["device_rates"] = device_rates(federation);
  }
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
  card.trainable_values = federation.runner->sent_values();
  card.metrics = final["metrics"];
  card.split = federation.data.test.size() > 0 ? "test" : "dev";
  card.statement = final.value("statement", "Trained without a privacy mechanism: nothing is guaranteed.");
  federation.run->write_model([&](const fs::path& folder) {
    fill_model_folder(folder, federation.settings, federation.data.encoder, card);
    nn::write_tensors(folder / "model.safetensors",
                      nn::model_tensors(federation.runner->first().model()));
  });
}

/// What a round changes before its updates are added up: put back if the round is lost.
struct RoundStart {
  explicit RoundStart(const Federation& f)
      : selected(f.selected), flights(f.flights), versions(f.versions), seconds(f.seconds), abandoned(f.abandoned),
        departures(f.departures) {}
  void restore(Federation& f) const {
    f.selected = selected;
    f.flights = flights;
    f.versions = versions;
    f.seconds = seconds;
    f.abandoned = abandoned;
    f.departures = departures;
  }
  std::vector<std::int64_t> selected;
  std::vector<Flight> flights;
  std::map<std::int64_t, std::shared_ptr<const std::vector<float>>> versions;
  double seconds;
  std::int64_t abandoned, departures;
};

/// Another process is gone, and with it the round, unless it was done (no `start`). Rank 0 makes the round again
/// alone and goes on; where clients keep something, that went with the other, and the caller goes back to the
/// last checkpoint.
///
/// A private round that is made again spends nothing more. Its sum was lost before it had noise or an event,
/// so nothing was told of it; it has the clients that were drawn for it, their work is a function of (seed,
/// round, client), and the noise of its place is drawn once, by rank 0 after the sum. Noise that clients draw
/// themselves is the exception, and is charged (count_lost_attempt).
void go_on_alone(Federation& federation, const RoundStart* start, const nn::LostProcess& lost) {
  if (!federation.parallel->group->leads()) {
    const bool headless = std::ranges::count(lost.ranks(), 0) > 0;
    throw nn::LostProcess(lost.code(), lost.what(),
                          fmt::format("{}o on by: discreet federated simulate --resume {}",
                                      headless ? "G" : "Rank 0 goes on alone; if it ended too, g",
                                      federation.run->path().string()),
                          lost.ranks());
  }
  if (start != nullptr) {
    start->restore(federation);
    count_lost_attempt(federation);
  }
  if (clients_remember(federation)) throw lost;
  leave_others(federation, lost,
               start == nullptr ? "this process goes on alone"
                                : fmt::format("round {} is made again by this process alone", federation.round + 1));
  save_federation(federation);
}

/// Rank 0 back at the last checkpoint, alone: what clients of the lost process kept since then is gone. Rounds
/// that were noised with secret noise since then are spent and not made again, as after any resume.
std::unique_ptr<Federation> return_to_checkpoint(std::unique_ptr<Federation> federation, const core::Config& config,
                                                 const nn::LostProcess& lost) {
  const auto parallel = federation->parallel;
  parallel->group = nn::make_lonely_group();
  core::RunDir run = std::move(*federation->run);
  const std::int64_t ledger_end = federation->ledger_end;
  federation.reset();  // its models, before there are others
  federation = make_federation(config, parallel);
  federation->run = std::move(run);
  federation->ledger_end = ledger_end;
  if (const auto checkpoint = federation->run->latest_checkpoint()) {
    load_federation(*federation, *checkpoint);
  } else {
    allow_for_lost_rounds(*federation);
  }
  federation->run->truncate_metrics(federation->round);
  fmt::print(stderr, "warning: {}; this process goes on alone from round {}, after which nothing was saved of what the other's clients keep\n",
             lost.what(), federation->round);
  return federation;
}

/// True on all processes if any was asked to stop. Collective.
bool agreed_to_end(const Federation& federation, const core::OperationContext& context) {
  const std::int64_t mine = context.stopping() ? 1 : 0;
  if (federation.parallel->alone()) return mine != 0;
  const auto all = nn::join(*federation.parallel->group, std::vector<std::int64_t>{mine});
  return std::ranges::any_of(all, [](std::int64_t asked) { return asked != 0; });
}

/// A model that nobody trained is no result. In a private run the number of reports is not told by failing.
void check_trained(const Federation& federation) {
  if (federation.settings.privacy.is_private()) return;
  if (std::ranges::any_of(federation.reported, [](std::int64_t reports) { return reports > 0; })) return;
  throw runtime_failure(
      fmt::format("{}: no client trained in any of the {} rounds: all were lost, late or dropped, or nobody was asked",
                  federation.run->path().string(), federation.round),
      "Look at metrics.jsonl of the run; lower the chances of a loss or federated.least_reports, raise federated.deadline or cohort, "
      "or let federated.selection leave more clients (least, top_share, activity_cap).");
}

Json simulate_to_end(Federation& federation, core::OperationContext& context) {
  const auto started = std::chrono::steady_clock::now();
  const auto rounds_of = [&federation] { return federation.federated.own.rounds - federation.lost_rounds; };
  const TrainOptions& train = federation.settings.train;
  const std::int64_t evaluate_every = std::max<std::int64_t>(1, train.eval_every);
  const std::int64_t checkpoint_every = train.checkpoint_every > 0 ? train.checkpoint_every : 20;
  core::Progress progress(
      {.label = "simulate", .total = rounds_of(), .start = federation.round, .quiet = context.quiet});
  while (federation.round < rounds_of()) {
    const std::int64_t next = federation.round + 1, rounds = rounds_of();
    std::optional<RoundStart> start;
    if (!federation.parallel->alone()) start.emplace(federation);
    try {
      const auto round_started = std::chrono::steady_clock::now();
      Json line = run_round(federation, next % evaluate_every == 0 || next == rounds);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - round_started;
      line["wall_seconds"] = took.count();
      if (ends_period(federation) && federation.parallel->group->leads()) note_period(federation);
      Json metric = {{"step", next}, {"split", "round"}};
      metric.update(line);
      federation.run->append_metric(metric);
      progress.update(next, {.loss = line.contains("loss") && line["loss"].is_number() ? line["loss"].get<double>() : 0});
      federation.rounds.push_back(std::move(line));
      const bool stops = agreed_to_end(federation, context);
      if (stops || next % checkpoint_every == 0 || next == rounds) save_federation(federation);
      if (stops && next < rounds) {
        throw core::interrupted(
            context, fmt::format("Round {} is saved; go on with: discreet federated simulate --resume {}",
                                 next, federation.run->path().string()));
      }
    } catch (const nn::LostProcess& lost) {
      if (!start) throw;
      go_on_alone(federation, federation.round == next ? nullptr : &*start, lost);
    }
  }
  progress.finish();
  check_trained(federation);
  if (!federation.parallel->group->leads()) return nullptr;
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
  federation.run->finish();
  return document;
}

Json simulate_and_return(std::unique_ptr<Federation> federation, const core::Config& config,
                         core::OperationContext& context) {
  try {
    return simulate_to_end(*federation, context);
  } catch (const nn::LostProcess& lost) {
    if (!federation->parallel->group->leads() || !clients_remember(*federation)) throw;
    federation = return_to_checkpoint(std::move(federation), config, lost);
  }
  return simulate_to_end(*federation, context);
}

/// Charges privacy.ledger with all rounds; rounds that are lost are not made again, so that no run spends more.
void charge_federation(const Federation& federation, const std::string& run, bool only_asks) {
  if (!federation.plan) return;
  charge_budget(budget_of(federation.settings.privacy, federation.plan->relation), run, privacy::state_privacy(*federation.plan).event,
                only_asks);
}

Json simulate_in(const core::Config& config, const Json& request, const std::shared_ptr<nn::ParallelRun>& parallel,
                 core::OperationContext& context) {
  auto federation = make_federation(config, parallel);
  const bool leads = parallel->group->leads();
  if (request.contains("resume")) {
    const fs::path path = request["resume"].get<std::string>();
    federation->run = leads ? core::RunDir::open_for_writing(path) : core::RunDir::kept_elsewhere(path);
    if (leads) check_inputs(federation->run->manifest(), federation->data.inputs);
    // All processes read the folder: it lies where all can see it.
    const auto checkpoint = leads ? federation->run->latest_checkpoint() : core::RunDir::open(path).latest_checkpoint();
    if (!checkpoint) throw usage_error(path.string() + ": there is no checkpoint to go on from");
    load_federation(*federation, *checkpoint);
    federation->run->truncate_metrics(federation->round);
    return simulate_and_return(std::move(federation), config, context);
  }
  const fs::path folder = simulation_folder(federation->settings);
  if (leads) {
    charge_federation(*federation, folder.string(), true);  // refused before --force empties what is there
    federation->run = core::RunDir::create(folder, simulation_manifest(*federation),
                                           dump_simulation(federation->settings, federation->federated),
                                           request.value("force", false));
    try {
      charge_federation(*federation, folder.string(), false);
    } catch (const Error&) {
      std::move(*federation->run).discard();
      throw;
    }
  } else {
    federation->run = core::RunDir::kept_elsewhere(folder);
  }
  if (federation->plan && leads) state_federation(*federation, "planned");
  return simulate_and_return(std::move(federation), config, context);
}

Json simulate_operation(const Json& request, core::OperationContext& context) {
  const core::Config config = simulation_config(request);
  return in_processes(parse_settings(config).train, context,
                      [&](const std::shared_ptr<nn::ParallelRun>& parallel, core::OperationContext& mine) {
                        return simulate_in(config, request, parallel, mine);
                      });
}

}  // namespace

std::string main_metric_of_task(const std::string& task) {
  if (task == "text-classification") return "accuracy";
  if (task == "tagging") return "entity_f1";
  if (task == "intent-slot") return "exact_match";
  return task == "span-qa" ? "f1" : "perplexity";
}

bool is_asynchronous(const Federation& federation) { return federation.strategy->is_asynchronous(); }

bool clients_remember(const Federation& federation) {
  return !federation.memories.server_control.empty() || has_personal_models(federation) ||
         federation.compressor->keeps_memory();
}

void leave_others(Federation& federation, const nn::LostProcess& lost, const std::string& what) {
  federation.parallel->group = nn::make_lonely_group();
  federation.runner->set_processes(federation.parallel->group);
  fmt::print(stderr, "warning: {}; {}\n", lost.what(), what);
}

Json evaluate_federation(Federation& federation, bool whole) {
  const std::vector<float> weights(federation.weights.begin(), federation.weights.end());
  federated::ClientTrainer& trainer = federation.runner->first();
  trainer.write(weights);
  Scores scores = score(trainer.model(), evaluated(federation));
  if (whole && federation.settings.task == "seq2seq") {
    scores.texts = write_targets(trainer.shared_model(), federation.data.encoder, evaluated(federation));
  }
  return metrics_of(federation.settings.task, federation.data.encoder, evaluated(federation), scores);
}

}  // namespace app

void register_operation_federated_simulate(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "federated_simulate",
                .summary = "Simulates a federation: clients, server and what lies between",
                .make = core::Operation(&app::simulate_operation)});
}

}  // namespace discreet
