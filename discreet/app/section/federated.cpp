#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "discreet/app/federated_settings.h"
#include "discreet/app/internal/section.h"
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
               {.doc = "What a client keeps of what arrives: keep-all, window:W, fifo:B, reservoir:B, ttl:P."})
          .add("compression", &FederatedOptions::compression,
               {.doc = "How updates travel: see `discreet list compression`."})
          .add("compression_share", &FederatedOptions::compression_share,
               {.min = 0, .max = 1, .above_min = true, .doc = "top-k, rand-k: share of the coordinates that is sent."})
          .add("sampling_rate", &FederatedOptions::sampling_rate,
               {.min = 0, .max = 1, .doc = "Private runs with selection uniform: each client's chance of being in a round, fixed before the run."})
          .add("secure_aggregation", &FederatedOptions::secure_aggregation,
               {.doc = "Refuses what secure aggregation could not do; the simulation adds integers as it would."});
  return fields;
}

/// Asynchronous strategies need arrivals in time, which rounds do not have.
const std::set<std::string> kOnlyAsynchronous = {"mixing", "mixing_decay", "buffer", "staleness"};

std::vector<core::FieldInfo> strategy_infos() {
  std::vector<core::FieldInfo> infos;
  for (const core::FieldInfo& info : federated::strategy_fields().info()) {
    if (kOnlyAsynchronous.count(info.name) == 0) infos.push_back(info);
  }
  return infos;
}

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
  if (f.own.strategy == "fedbuff" || f.own.strategy == "fedasync") {
    throw usage_error(fmt::format("federated.strategy = \"{}\" is asynchronous, the simulation goes by rounds",
                                  f.own.strategy),
                      "Take fedavg or another strategy with rounds.");
  }
  if (f.own.selection == "divfl" || f.own.selection == "update-norm") {
    throw usage_error(fmt::format("federated.selection = \"{}\" needs a fresh gradient of every client, "
                                  "which the simulation does not compute",
                                  f.own.selection),
                      "Take a selection by size, power-of-choice or oort.");
  }
  if (f.own.periods > f.own.rounds) {
    throw usage_error(fmt::format("federated.periods = {} are more than federated.rounds = {}",
                                  f.own.periods, f.own.rounds),
                      "Every period needs a round.");
  }
}

void check_secure(const FederatedSettings& f) {
  if (!f.own.secure_aggregation) return;
  const auto strategy = federated::make_strategy(f.own.strategy, f.strategy);
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

/// What can be accounted for, and nothing else.
void check_federated_privacy(const FederatedSettings& f, const Settings& s) {
  if (!s.privacy.is_private()) {
    if (f.own.sampling_rate > 0) {
      throw usage_error("federated.sampling_rate belongs to private runs",
                        "Set federated.cohort, or a privacy mechanism.");
    }
    return;
  }
  if (s.privacy.mechanism != "dp-sgd" || s.privacy.clipping != "flat") {
    throw usage_error("a private federation clips each client's whole update: privacy.mechanism = "
                      "\"dp-sgd\" with privacy.clipping = \"flat\"",
                      "Other mechanisms are for `discreet train`.");
  }
  if (s.privacy.unit != "user") {
    throw usage_error("the unit of a private federation is the client, not the example",
                      "Set privacy.unit = \"user\".");
  }
  static const std::set<std::string> kSums = {"fedavg",  "fedprox",    "fedavgm", "fedadam",
                                              "fedyogi", "fedadagrad", "diloco"};
  if (kSums.count(f.own.strategy) == 0) {
    throw privacy_refused(fmt::format("federated.strategy = \"{}\" uses more of the clients than the noisy "
                                      "sum of their updates",
                                      f.own.strategy),
                          "Take fedavg, fedprox, fedavgm, fedadam, fedyogi, fedadagrad or diloco.");
  }
  if (f.own.compression != "none") {
    throw privacy_refused("federated.compression in a private run: what was clipped may grow again by "
                          "rounding, and chosen coordinates tell what was typed",
                          "Set federated.compression = \"none\".");
  }
  if (f.own.weights != "examples" && f.own.weights != "uniform") {
    throw privacy_refused("federated.weights by chances of selection: their denominator depends on who is "
                          "there",
                          "Leave federated.weights out: private updates count alike.");
  }
  const bool uniform = f.own.selection == "uniform";
  if (uniform && f.own.sampling_rate > 0) return;
  if (uniform) {
    throw privacy_refused(
        "a cohort of fixed size has no bound for adding or removing a client",
        "Set federated.sampling_rate: every client is then drawn by itself, and federated.cohort is the "
        "public divisor.");
  }
  if (f.selection.design != "poisson" || f.selection.public_rate <= 0 || f.selection.activity_cap < 1) {
    throw privacy_refused(
        fmt::format("federated.selection = \"{}\": each client's chance depends on what all others hold, "
                    "so no sampling rate can be stated",
                    f.own.selection),
        "Set federated.design = \"poisson\" with federated.public_rate and federated.activity_cap, fixed "
        "before the run; or selection uniform with federated.sampling_rate.");
  }
  federated::selection_privacy(f.own.selection, {}, f.selection);  // refuses what reads models
}

}  // namespace

std::vector<core::FieldInfo> federated_infos() {
  std::vector<core::FieldInfo> infos = own_fields().info();
  for (const auto& part : {federated::selection_fields().info(), strategy_infos()}) {
    infos.insert(infos.end(), part.begin(), part.end());
  }
  return infos;
}

FederatedSettings parse_federated(const core::Config& config, const Settings& settings) {
  FederatedSettings f;
  std::vector<std::string> others;
  for (const core::FieldInfo& info : federated_infos()) others.push_back(info.name);
  f.own = own_fields().parse(config, others);
  f.selection = parse_part(config, federated::selection_fields(), federated::selection_fields().info());
  f.strategy = parse_part(config, federated::strategy_fields(), strategy_infos());
  check_names(f);
  check_secure(f);
  check_local(f, settings);
  check_federated_privacy(f, settings);
  return f;
}

Json dump_federated(const FederatedSettings& f) {
  Json table = own_fields().dump(f.own);
  table.update(federated::selection_fields().dump(f.selection));
  const Json strategy = federated::strategy_fields().dump(f.strategy);
  for (const core::FieldInfo& info : strategy_infos()) table[info.name] = strategy[info.name];
  return table;
}

}  // namespace app

void register_section_federated(core::Registry& registry) {
  app::add_section(registry, "federated", "Federated learning: `discreet federated simulate`.",
                   app::federated_infos());
}

}  // namespace discreet
