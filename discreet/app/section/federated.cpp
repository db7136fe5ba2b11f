#include <fmt/format.h>

#include "discreet/app/federated_settings.h"
#include "discreet/app/internal/federated_checks.h"
#include "discreet/app/internal/federated_labels.h"
#include "discreet/app/internal/section.h"
#include "discreet/core/registry.h"
#include "discreet/federated/storage.h"

namespace discreet {
namespace app {
namespace {

const core::Fields<FederatedOptions>& own_fields() {
  static const auto fields =
      core::Fields<FederatedOptions>("federated")
          .add("strategy", &FederatedOptions::strategy,
               {.doc = "What the server does with the clients' updates: see `discreet list strategy`."})
          .add("selection", &FederatedOptions::selection,
               {.doc = "Which clients a round asks: see `discreet list selection`."})
          .add("weights", &FederatedOptions::weights,
               {.choices = {"examples", "uniform", "horvitz-thompson", "hajek"},
                .doc = "How updates are added up: by examples, all alike, or by examples over the "
                       "chance of having been selected. Private runs divide by the cohort."})
          .add("rounds", &FederatedOptions::rounds, {.min = 1, .max = 1e9, .doc = "Rounds of training."})
          .add("local_epochs", &FederatedOptions::local_epochs,
               {.min = 1, .max = 1e6, .doc = "Passes of a client over its examples in a round."})
          .add("local_steps", &FederatedOptions::local_steps,
               {.min = 0, .max = 1e9, .doc = "Most optimiser steps of a client in a round; 0: as many as the passes have."})
          .add("partition", &FederatedOptions::partition,
               {.doc = "How the training data are divided among clients: see `discreet list partition`; or a file that `federated partition` wrote."})
          .add("by", &FederatedOptions::by,
               {.doc = "partition natural: user, or the name of a group."})
          .add("clients", &FederatedOptions::clients,
               {.min = 0, .max = 1e9, .doc = "Number of clients; natural finds its own."})
          .add("alpha", &FederatedOptions::alpha,
               {.min = 0, .above_min = true, .doc = "Concentration of Dirichlet partitions."})
          .add("min_examples", &FederatedOptions::min_examples,
               {.min = 1, .max = 1e9, .unit = "examples", .doc = "Fewest examples of a client; natural leaves smaller ones out."})
          .add("periods", &FederatedOptions::periods,
               {.min = 1, .max = 1e6, .doc = "Periods over which a client's examples arrive, in their order; rounds are shared equally among them."})
          .add("storage", &FederatedOptions::storage,
               {.doc = "What a client keeps of what arrives: keep-all, window:W, fifo:B, reservoir:B, ttl:P, replay:B."})
          .add("compression", &FederatedOptions::compression,
               {.doc = "How updates travel: see `discreet list compression`."})
          .add("compression_share", &FederatedOptions::compression_share,
               {.min = 0, .max = 1, .above_min = true, .doc = "top-k, rand-k: share of the coordinates that is sent."})
          .add("sampling_rate", &FederatedOptions::sampling_rate,
               {.min = 0, .max = 1, .doc = "Private runs with selection uniform: each client's chance of being in a round, fixed before the run."})
          .add("secure_aggregation", &FederatedOptions::secure_aggregation,
               {.doc = "Refuses what secure aggregation could not do; the simulation adds integers as it would. A sum of fewer "
                       "than three clients is not looked at, but in private runs, where that would tell how many there were."})
          .add("schedule_over", &FederatedOptions::schedule_over,
               {.choices = {"rounds", "local"},
                .doc = "What train.schedule runs over: the rounds of the federation (train.warmup counts rounds), or the "
                       "steps of each client's round, anew in every round."})
          .add("local_warmup", &FederatedOptions::local_warmup,
               {.min = 0, .max = 1, .doc = "schedule_over local: share of a client's steps in which the rate rises."})
          .add("lora", &FederatedOptions::lora,
               {.choices = {"plain", "freeze-a", "exact"},
                .doc = "With model.lora_rank: plain averages both factors, which is not the average of what they do; "
                       "freeze-a trains B alone, which is exact; exact adds what averaging missed to the frozen weights.",
                .reference = "Sun et al. 2024 (FFA-LoRA); Singhal et al. 2024 (FedEx-LoRA)"})
          .add("personal", &FederatedOptions::personal,
               {.doc = "strategy partial: patterns of parameters that stay on each client, for example \"intent_head.*\"."})
          .add("local_test_share", &FederatedOptions::local_test_share,
               {.min = 0, .max = 1, .below_max = true,
                .doc = "Of each client's examples, kept from training to try its model on at the end; 0: a fifth for "
                       "strategies with personal models, else none."})
          .add("trainer", &FederatedOptions::trainer,
               {.choices = {"auto", "general"},
                .doc = "auto: small models (bow, lstm and bilstm for classes) train without autograd on the words that a client "
                       "has; general: as all others do. The two differ in rounding."})
          .add("period_by", &FederatedOptions::period_by,
               {.doc = "A group of the examples (data.group) that says in which period each arrives; empty: a client's "
                       "examples are shared out in their order."})
          .add("reset_server", &FederatedOptions::reset_server,
               {.doc = "The server's momentum and moments begin anew with each period."})
          .add("level", &FederatedOptions::level,
               {.min = 0, .doc = "The metric whose first round is reported as rounds_to_level; 0: none."})
          .add("level_of", &FederatedOptions::level_of,
               {.doc = "A finished simulation (run directory) whose final metric is that level, for example one with all data at once."})
          .add("clock", &FederatedOptions::clock,
               {.doc = "Devices have speeds, networks and hours, and rounds take virtual seconds; asynchronous strategies always have one."})
          .add("seconds_per_example", &FederatedOptions::seconds_per_example,
               {.min = 0, .above_min = true, .unit = "seconds", .doc = "clock: median device, forward pass; training costs three of them."})
          .add("speed_spread", &FederatedOptions::speed_spread,
               {.min = 0, .max = 10, .doc = "clock: standard deviation of the logarithm of devices' speeds.", .reference = "Lai et al. 2022 (FedScale)"})
          .add("bytes_per_second", &FederatedOptions::bytes_per_second,
               {.min = 0, .above_min = true, .doc = "clock: median network, both ways."})
          .add("network_spread", &FederatedOptions::network_spread,
               {.min = 0, .max = 10, .doc = "clock: standard deviation of the logarithm of networks' speeds."})
          .add("active_share", &FederatedOptions::active_share,
               {.min = 0, .max = 1, .above_min = true, .doc = "clock: share of the day that a device is there, each at its own hours."})
          .add("drop_download", &FederatedOptions::drop_download,
               {.min = 0, .max = 1, .below_max = true, .doc = "Chance that a client is lost before it has the model."})
          .add("drop_train", &FederatedOptions::drop_train,
               {.min = 0, .max = 1, .below_max = true, .doc = "Chance that it is lost while it trains."})
          .add("drop_upload", &FederatedOptions::drop_upload,
               {.min = 0, .max = 1, .below_max = true, .doc = "Chance that its update is lost on the way."})
          .add("over_selection", &FederatedOptions::over_selection,
               {.min = 1, .max = 100, .doc = "clock: times the cohort that a round asks; the first of them, as many as the cohort, count."})
          .add("deadline", &FederatedOptions::deadline,
               {.min = 0, .unit = "seconds", .doc = "clock: a round ends then, whoever is missing; 0: it waits."})
          .add("least_reports", &FederatedOptions::least_reports,
               {.min = 0, .max = 1, .doc = "clock: with a smaller share of the cohort a round is abandoned and changes nothing."})
          .add("concurrency", &FederatedOptions::concurrency,
               {.min = 0, .max = 1e7, .unit = "clients", .doc = "Asynchronous strategies: clients at work at any time; 0: the cohort."})
          .add("most_lag", &FederatedOptions::most_lag,
               {.min = 0, .max = 1e9, .unit = "versions", .doc = "Asynchronous strategies: older updates are dropped and counted; 0: none is."})
          .add("noise", &FederatedOptions::noise,
               {.choices = {"central", "distributed", "local"},
                .doc = "Private runs, who adds it: the server; the clients, each a share that suffices in the sum under secure "
                       "aggregation; or each client all of it, for itself. Towards a server that sees who takes part, "
                       "sampling hides nothing: distributed and local count as rate 1."})
          .add("least_survivors", &FederatedOptions::least_survivors,
               {.min = 0, .max = 1e9, .unit = "clients", .doc = "noise distributed: with fewer a round fails and nothing of it is looked at."})
          .add("colluders", &FederatedOptions::colluders,
               {.min = 0, .max = 1e9, .unit = "clients", .doc = "noise distributed: clients that may tell the server their shares."});
  return fields;
}

std::vector<core::FieldInfo> strategy_infos() { return federated::strategy_fields().info(); }

/// The keys of `fields` in [federated], parsed as if they stood in their own section.
template <class T>
T parse_part(const core::Config& config, const core::Fields<T>& fields,
             const std::vector<core::FieldInfo>& infos) {
  core::Config part;
  const Json& table = config.at("federated");
  for (const core::FieldInfo& info : infos) {
    if (table.is_null() || !table.contains(info.name)) continue;
    part.set(fields.section() + "." + info.name, table[info.name],
             config.origin("federated." + info.name));
  }
  return fields.parse(part);
}

void check_names(const FederatedSettings& f) {
  core::registry().find("strategy", f.own.strategy);
  core::registry().find("selection", f.own.selection);
  core::registry().find("compression", f.own.compression);
  federated::parse_storage(f.own.storage);
  if (f.own.periods > f.own.rounds) {
    throw usage_error(fmt::format("federated.periods = {} are more than federated.rounds = {}",
                                  f.own.periods, f.own.rounds),
                      "Every period needs a round.");
  }
}

void check_cohort(const FederatedSettings& f) {
  const auto strategy = federated::make_strategy(f.own.strategy, f.strategy);
  if (!strategy->is_asynchronous() && f.selection.cohort < strategy->least_updates()) {
    throw usage_error(fmt::format("federated.strategy = \"{}\" needs {} updates in a round, federated.cohort is {}",
                                  f.own.strategy, strategy->least_updates(), f.selection.cohort),
                      "Ask more clients; krum needs 2 federated.hostile + 3.");
  }
}

void check_secure(const FederatedSettings& f) {
  if (!f.own.secure_aggregation) return;
  const auto strategy = federated::make_strategy(f.own.strategy, f.strategy);
  if (strategy->mixes_models() || (strategy->is_asynchronous() && strategy->buffer() < kLeastSecureSum)) {
    throw usage_error(fmt::format("federated.strategy = \"{}\" makes a step from {} update{}, which secure aggregation hides "
                                  "in sums of {} or more",
                                  f.own.strategy, strategy->buffer(), strategy->buffer() == 1 ? "" : "s", kLeastSecureSum),
                      fmt::format("Take fedbuff with federated.buffer of at least {}, or leave secure_aggregation out.",
                                  kLeastSecureSum));
  }
  if (!strategy->is_asynchronous() && f.selection.cohort < kLeastSecureSum) {
    throw usage_error(fmt::format("federated.cohort = {}: secure aggregation hides a client in a sum of {} or more",
                                  f.selection.cohort, kLeastSecureSum),
                      "Ask more clients in a round, or leave secure_aggregation out.");
  }
  if (federated::selection_rule(f.own.selection).reads_models) {
    throw usage_error(fmt::format("federated.selection = \"{}\" goes by single clients' losses, norms or gradients, which secure "
                                  "aggregation hides",
                                  f.own.selection),
                      "Take a selection by size, or leave secure_aggregation out.");
  }
  if (strategy->needs_each()) {
    throw usage_error(fmt::format("federated.strategy = \"{}\" looks at single updates, which secure "
                                  "aggregation hides",
                                  f.own.strategy),
                      "Leave secure_aggregation out, or take a strategy of sums.");
  }
  const auto compressor = federated::make_compressor(f.own.compression);
  if (compressor->reveals_support()) {
    throw usage_error(fmt::format("federated.compression = \"{}\" chooses what to send by the update: "
                                  "under secure aggregation that choice would be seen",
                                  f.own.compression),
                      "Take rand-k, or none.");
  }
  if (compressor->has_own_scale()) {
    throw usage_error(fmt::format("federated.compression = \"{}\" sends levels of each client's own scale: secure aggregation "
                                  "shows the server their sum alone, which cannot be decoded",
                                  f.own.compression),
                      "Take rand-k, or none.");
  }
}

void check_local(const FederatedSettings& f, const Settings& s) {
  if (f.own.strategy == "scaffold" && s.train.optimizer != "sgd") {
    throw usage_error(fmt::format("federated.strategy = \"scaffold\" corrects plain gradients, but "
                                  "train.optimizer is \"{}\"",
                                  s.train.optimizer),
                      "Set train.optimizer = \"sgd\".");
  }
  if (f.own.strategy == "scaffold" && s.train.weight_decay > 0) {
    throw usage_error("federated.strategy = \"scaffold\" with train.weight_decay",
                      "Leave the weight decay out.");
  }
  const bool plain = s.train.optimizer == "sgd" || s.train.optimizer == "momentum";
  if (f.own.strategy == "fednova" && !plain) {
    throw usage_error(fmt::format("federated.strategy = \"fednova\" does not know what train.optimizer = "
                                  "\"{}\" makes of a step",
                                  s.train.optimizer),
                      "Set train.optimizer = \"sgd\" or \"momentum\".");
  }
}

/// Weights over chances of selection, where they would not make the sum unbiased.
void check_weights(const FederatedSettings& f) {
  const FederatedOptions& own = f.own;
  if (own.weights != "horvitz-thompson" && own.weights != "hajek") return;
  const std::string asked = fmt::format("federated.weights = \"{}\"", own.weights);
  const auto strategy = federated::make_strategy(own.strategy, f.strategy);
  if (strategy->is_asynchronous()) {
    throw usage_error(fmt::format("federated.strategy = \"{}\" weighs updates by their lag alone", own.strategy),
                      "Leave federated.weights out.");
  }
  if (strategy->needs_each() || !strategy->is_weighted()) {
    throw usage_error(fmt::format("{}: federated.strategy = \"{}\" does not go by weights", asked, own.strategy),
                      "Take fedavg or another strategy of weighted sums, or leave federated.weights out.");
  }
  if (own.strategy == "fednova" && own.weights == "horvitz-thompson") {
    throw usage_error(asked + ": federated.strategy = \"fednova\" multiplies two estimates, which is not an estimate of their product",
                      "Take hajek, or a strategy of one weighted sum.");
  }
  if (federated::selection_rule(f.own.selection).choose != nullptr) {
    throw usage_error(fmt::format("{}: nobody knows the chance of being selected by \"{}\"", asked, own.selection),
                      "Take a selection by size, or weights examples or uniform.");
  }
  const bool lossy = own.drop_download > 0 || own.drop_train > 0 || own.drop_upload > 0;
  const char* unknown = own.over_selection > 1                                ? "over_selection"
                        : own.deadline > 0                                    ? "deadline"
                        : own.active_share < 1                                ? "active_share"
                        : own.clock && lossy && own.least_reports > 0         ? "least_reports"
                                                                              : nullptr;
  if (unknown != nullptr) {
    throw usage_error(fmt::format("{} with federated.{}: whether an update counts then depends on speed and hours, by a chance "
                                  "that nobody knows",
                                  asked, unknown),
                      std::string(unknown) == "least_reports" ? "Set federated.least_reports = 0, or take weights examples or uniform."
                                                              : "Leave it out, or take weights examples or uniform.");
  }
}

void check_parts(const FederatedSettings& f, const Settings& s) {
  const FederatedOptions& own = f.own;
  if ((own.strategy == "partial") == own.personal.empty()) {
    throw usage_error(own.personal.empty() ? "federated.strategy = \"partial\" needs federated.personal"
                                           : "federated.personal belongs to federated.strategy = \"partial\"",
                      "Name the parameters that stay on each client, for example [\"intent_head.*\"].");
  }
  if (own.lora == "plain") return;
  if (s.model.lora_rank == 0) {
    throw usage_error(fmt::format("federated.lora = \"{}\", but model.lora_rank is 0", own.lora),
                      "Set model.lora_rank, or leave federated.lora out.");
  }
  if (own.lora != "exact") return;
  const bool mean = (own.strategy == "fedavg" || own.strategy == "fedprox") &&
                    f.strategy.server_learning_rate == 1 && (own.weights == "examples" || own.weights == "uniform");
  if (!mean || own.compression != "none" || s.privacy.is_private() || own.secure_aggregation) {
    throw usage_error("federated.lora = \"exact\" mends the mean of single clients' factors: it needs fedavg or "
                      "fedprox with server_learning_rate 1, weights examples or uniform, no compression, no "
                      "secure aggregation and no privacy mechanism",
                      "Take federated.lora = \"freeze-a\", which is exact under all of them.");
  }
}

void check_time(const FederatedSettings& f) {
  const FederatedOptions& own = f.own;
  const bool asynchronous = federated::make_strategy(own.strategy, f.strategy)->is_asynchronous();
  if (asynchronous && (own.over_selection != 1 || own.deadline > 0)) {
    throw usage_error(fmt::format("federated.strategy = \"{}\" has no rounds that could end early", own.strategy),
                      "Leave over_selection and deadline out.");
  }
  if (!asynchronous && (own.concurrency > 0 || own.most_lag > 0)) {
    throw usage_error("federated.concurrency and most_lag belong to asynchronous strategies",
                      "Take fedbuff or fedasync, or leave them out.");
  }
  if (!own.period_by.empty() && own.periods > 1) {
    throw usage_error("federated.period_by finds the periods by itself", "Leave federated.periods out.");
  }
}

}  // namespace

std::vector<core::FieldInfo> federated_infos() {
  return one_section("federated", {own_fields().info(), federated::selection_fields().info(), strategy_infos(),
                                   federated::label_fields().info()});
}

FederatedSettings parse_federated(const core::Config& config, const Settings& settings) {
  FederatedSettings f;
  std::vector<std::string> others;
  for (const core::FieldInfo& info : federated_infos()) others.push_back(info.name);
  f.own = own_fields().parse(config, others);
  f.selection = parse_part(config, federated::selection_fields(), federated::selection_fields().info());
  f.strategy = parse_part(config, federated::strategy_fields(), strategy_infos());
  f.labels = parse_part(config, federated::label_fields(), federated::label_fields().info());
  check_names(f);
  check_unread_keys(f, settings, config);
  check_cohort(f);
  check_secure(f);
  check_weights(f);
  check_local(f, settings);
  check_federated_labels(f.labels, f.own.strategy, settings);
  check_parts(f, settings);
  check_time(f);
  check_federated_privacy(f, settings);
  return f;
}

Json dump_federated(const FederatedSettings& f) {
  Json table = own_fields().dump(f.own);
  table.update(federated::selection_fields().dump(f.selection));
  const Json strategy = federated::strategy_fields().dump(f.strategy);
  for (const core::FieldInfo& info : strategy_infos()) table[info.name] = strategy[info.name];
  table.update(federated::label_fields().dump(f.labels));
  return table;
}

Json dump_simulation(const Settings& settings, const FederatedSettings& federated) {
  Json values = dump_settings(settings);
  values["train"].erase("epochs");  // a federation has rounds, and refuses epochs that are given
  values["federated"] = dump_federated(federated);
  return values;
}

}  // namespace app

void register_section_federated(core::Registry& registry) {
  app::add_section(registry, "federated", "Federated learning: `discreet federated simulate`.",
                   app::federated_infos());
}

}  // namespace discreet
