#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "discreet/app/internal/federated_checks.h"
#include "discreet/core/error.h"
#include "discreet/federated/strategy.h"

namespace discreet::app {
namespace {

using Names = std::vector<std::string>;

/// Keys of one part of [federated] and the choices of `chooser` that read them. Compared by their values: the
/// configuration of a run names every key.
void check_readers(const char* chooser, const std::string& chosen, const std::vector<std::pair<const char*, Names>>& readers,
                   const Json& values, const Json& usual) {
  for (const auto& [key, names] : readers) {
    if (values[key] == usual[key] || std::ranges::find(names, chosen) != names.end()) continue;
    throw usage_error(fmt::format("federated.{0} is of {1} \"{2}\", and federated.{1} is \"{3}\"", key, chooser,
                                  fmt::join(names, "\" or \""), chosen),
                      fmt::format("Leave it out, or set federated.{} = \"{}\".", chooser, names.front()));
  }
}

const std::vector<std::pair<const char*, Names>>& of_strategies() {
  static const Names adaptive = {"fedadam", "fedyogi", "fedadagrad"};
  static const std::vector<std::pair<const char*, Names>> readers = {
      {"momentum", {"fedavgm", "diloco"}},
      {"beta1", adaptive},
      {"beta2", {"fedadam", "fedyogi"}},
      {"tau", {"fedadam", "fedyogi", "fedadagrad", "fedexp"}},
      {"initial_v", adaptive},
      {"bias", {"fedadam"}},
      {"hostile", {"krum"}},
      {"keep", {"krum"}},
      {"trim", {"trimmed-mean"}},
      {"buffer", {"fedbuff"}},
      {"staleness", {"fedbuff"}},
      {"mixing", {"fedasync"}},
      {"mixing_decay", {"fedasync"}},
      {"proximal", {"fedprox"}},
      {"personal_pull", {"ditto"}},
      {"fairness", {"qfedavg"}},
      {"lipschitz", {"qfedavg"}}};
  return readers;
}

const std::vector<std::pair<const char*, Names>>& of_selections() {
  static const std::vector<std::pair<const char*, Names>> readers = {
      {"gamma", {"tempered"}},
      {"temperature", {"softmax"}},
      {"least", {"threshold"}},
      {"top_share", {"threshold"}},
      {"uniform_share", {"mixture"}},
      {"signals", {"divfl", "update-norm"}},
      {"candidates", {"power-of-choice"}},
      {"exploration", {"oort"}},
      {"exploration_decay", {"oort"}},
      {"least_exploration", {"oort"}},
      {"preferred_seconds", {"oort"}},
      {"slowness_penalty", {"oort"}}};
  return readers;
}

void check_design(const FederatedSettings& f) {
  const federated::SelectionOptions usual;
  if (federated::selection_rule(f.own.selection).choose != nullptr && f.selection.design != usual.design) {
    throw usage_error(fmt::format("federated.design = \"{}\": selection \"{}\" chooses its cohort by itself", f.selection.design, f.own.selection),
                      "Leave it out, or take a selection by size.");
  }
  const bool poisson = f.selection.design.starts_with("poisson");
  if (!poisson && f.selection.public_rate != usual.public_rate) {
    throw usage_error(fmt::format("federated.public_rate is of Poisson designs, and federated.design is \"{}\"", f.selection.design),
                      "Leave it out, or set federated.design = \"poisson\".");
  }
  if (f.selection.activity_cap != usual.activity_cap && !(f.selection.public_rate > 0)) {
    throw usage_error("federated.activity_cap bounds public rates, and federated.public_rate is not set",
                      "Leave it out, or set federated.design = \"poisson\" and federated.public_rate.");
  }
}

/// Keys of a clock, where none runs.
void check_clock(const FederatedSettings& f) {
  const FederatedOptions& own = f.own;
  const FederatedOptions usual;
  if (own.clock || federated::make_strategy(own.strategy, f.strategy)->is_asynchronous()) return;
  const std::pair<const char*, bool> keys[] = {{"seconds_per_example", own.seconds_per_example != usual.seconds_per_example},
                                               {"speed_spread", own.speed_spread != usual.speed_spread},
                                               {"bytes_per_second", own.bytes_per_second != usual.bytes_per_second},
                                               {"network_spread", own.network_spread != usual.network_spread},
                                               {"active_share", own.active_share != usual.active_share},
                                               {"over_selection", own.over_selection != usual.over_selection},
                                               {"deadline", own.deadline != usual.deadline},
                                               {"least_reports", own.least_reports != usual.least_reports}};
  for (const auto& [key, given] : keys) {
    if (!given) continue;
    throw usage_error(fmt::format("federated.{} is about time, and no clock runs", key), "Set federated.clock = true, or leave it out.");
  }
}

void check_of_others(const FederatedSettings& f) {
  const FederatedOptions& own = f.own;
  const FederatedOptions usual;
  if (own.selection == "mixture" && own.strategy != "fedasync" && f.strategy.mixing != federated::StrategyOptions().mixing) {
    throw usage_error("federated.mixing belongs to strategy fedasync, and selection \"mixture\" does not read it",
                      "Set federated.uniform_share.");
  }
  check_readers("strategy", own.strategy, of_strategies(), federated::strategy_fields().dump(f.strategy), federated::strategy_fields().dump({}));
  check_readers("selection", own.selection, of_selections(), federated::selection_fields().dump(f.selection),
                federated::selection_fields().dump({}));
  check_readers("compression", own.compression, {{"compression_share", {"top-k", "rand-k"}}},
                {{"compression_share", own.compression_share}}, {{"compression_share", usual.compression_share}});
  check_readers("partition", own.partition, {{"by", {"natural"}}}, {{"by", own.by}}, {{"by", usual.by}});
  if (own.alpha != usual.alpha && !federated::partition_uses(own.partition, "alpha")) {
    throw usage_error(fmt::format("federated.alpha is of Dirichlet partitions, and federated.partition is \"{}\"", own.partition),
                      "Leave it out, or take label-dirichlet, quantity-dirichlet or cluster-dirichlet.");
  }
  if (own.local_warmup != usual.local_warmup && own.schedule_over != "local") {
    throw usage_error(fmt::format("federated.local_warmup is of federated.schedule_over = \"local\", not \"{}\"", own.schedule_over),
                      "Leave it out; train.warmup counts rounds.");
  }
  check_design(f);
  check_clock(f);
}

/// Settings of `discreet train`, and those that the strategy finds by itself.
void check_ignored(const FederatedSettings& f, const Settings& s, const core::Config& config) {
  const std::pair<const char*, bool> of_train[] = {
      {"train.epochs", config.origin("train.epochs") != "default"},
      {"train.steps", s.train.steps.has_value()},
      {"train.patience", s.train.patience > 0},
      {"train.metric", !s.train.metric.empty()},
      {"train.average", s.train.average > 0},
      {"train.layer_decay", s.train.layer_decay != 1},
      {"train.sharded_optimizer", s.train.sharded_optimizer},
      {"mitigate.weight", !s.mitigate.weight.empty()},
      {"mitigate.adversary", s.mitigate.adversary > 0}};
  for (const auto& [key, given] : of_train) {
    if (!given) continue;
    throw usage_error(fmt::format("{} is for `discreet train`: clients of a federation do not follow it", key),
                      "Leave it out; federated.rounds, local_epochs and local_steps say how much is trained.");
  }
  static const std::set<std::string> kOwnStep = {"fedexp", "fedasync"};
  if (kOwnStep.count(f.own.strategy) > 0 && f.strategy.server_learning_rate != 1) {
    throw usage_error(fmt::format("federated.strategy = \"{}\" finds the length of the server's step by itself, but "
                                  "federated.server_learning_rate is {:g}",
                                  f.own.strategy, f.strategy.server_learning_rate),
                      f.own.strategy == "fedasync" ? "Set federated.mixing instead." : "Leave it out.");
  }
}

}  // namespace

void check_unread_keys(const FederatedSettings& f, const Settings& s, const core::Config& config) {
  check_ignored(f, s, config);
  check_of_others(f);
}

}  // namespace discreet::app
