#include "discreet/app/membership_signals.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "discreet/app/internal/signal_rows.h"
#include "discreet/app/membership_scores.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

/// Draws a share of the non-members as what the attacker knows.
void set_aside(MembershipSignals& signals, double share, std::uint64_t seed) {
  AuditedRows& rows = signals.rows;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows.member[i] == 0) others.push_back(i);
  }
  core::ReproducibleRng rng(seed, "membership population");
  core::shuffle(std::span<std::size_t>(others), rng);
  others.resize(static_cast<std::size_t>(static_cast<double>(others.size()) * share));
  if (!others.empty() && signals.data.population.empty()) signals.data.population.assign(rows.size(), 0);
  for (const std::size_t i : others) {
    rows.member[i] = -1;
    signals.data.population[i] = 1;
  }
}

core::Config attack_options(const std::vector<std::string>& assignments) {
  core::Config config;
  for (const std::string& assignment : assignments) config.add_assignment(assignment);
  const std::vector<std::string> known = attack_names();
  for (const auto& [name, value] : config.values().items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = core::nearest(name, known);
    throw usage_error(fmt::format("--set {}: no attack is called that", name),
                      near ? fmt::format("Did you mean '{}'?", *near) : "`discreet list attack` names them.");
  }
  return config;
}

}  // namespace

MembershipSignals read_membership_signals(const std::filesystem::path& path, const std::vector<std::string>& slices) {
  return path.extension() == ".safetensors" ? internal::signals_from_tensors(path)
                                            : internal::signals_from_lines(path, slices);
}

Json to_request(const SignalAuditOptions& options) {
  Json json = membership_configuration(options.report.statistics);
  json["attacks"] = options.attacks;
  json["set"] = options.set;
  json["slices"] = options.slices;
  json["population"] = options.population;
  json["blind"] = options.report.blind;
  json["user_score"] = options.report.user_score;
  json["most_exposed"] = options.report.most_exposed;
  json["show_text"] = options.report.show_text;
  json["store"] = options.report.store.string();
  return json;
}

SignalAuditOptions signal_audit_options(const Json& request) {
  SignalAuditOptions options;
  stats::MembershipOptions& statistics = options.report.statistics;
  statistics.confidence = request.value("confidence", statistics.confidence);
  statistics.false_positive_rates = request.value("false_positive_rates", statistics.false_positive_rates);
  statistics.resamples = request.value("resamples", statistics.resamples);
  statistics.seed = request.value("seed", statistics.seed);
  options.attacks = request.value("attacks", options.attacks);
  options.set = request.value("set", options.set);
  options.slices = request.value("slices", options.slices);
  options.population = request.value("population", options.population);
  options.report.blind = request.value("blind", options.report.blind);
  options.report.user_score = request.value("user_score", options.report.user_score);
  options.report.most_exposed = request.value("most_exposed", options.report.most_exposed);
  options.report.show_text = request.value("show_text", options.report.show_text);
  options.report.store = request.value("store", std::string());
  return options;
}

Json signal_configuration(const SignalAuditOptions& options) {
  Json json = to_request(options);
  json["set"] = attack_options(options.set).values();
  json.erase("store");
  return json;
}

std::vector<std::string> attack_names() {
  std::vector<std::string> names;
  for (const core::Entry* entry : core::registry().list("attack")) names.push_back(entry->name);
  return names;
}

namespace {

/// Two examples, of which all is known that any attack asks for.
stats::AttackData known_in_full() {
  stats::AttackData data;
  data.examples = 2;
  data.models = 2;
  data.classes = 2;
  data.feature_count = 1;
  data.log_prob = data.signal = {-1, -2};
  data.shadow_log_prob = data.shadow_signal = {-1, -2, -1, -2};
  data.in = {0, 1, 0, 1};
  data.label = {0, 1};
  data.log_posterior = {-1, -1, -1, -1};
  data.shadow_log_posterior = std::vector<float>(8, -1);
  data.features = {1, 2};
  data.population = {0, 1};
  data.offsets = {0, 1, 2};
  data.token_log_prob = data.token_mean = {-1, -2};
  data.token_deviation = data.compressed_bytes = {1, 1};
  data.neighbour_log_prob = {-1, -2};
  return data;
}

bool lacks(const std::string& attack, const stats::AttackData& data) {
  return !core::registry().make<stats::AttackRule>("attack", attack).missing(data).empty();
}

}  // namespace

bool needs_shadow_models(const std::string& attack) {
  stats::AttackData data = known_in_full();
  data.models = 0;
  data.shadow_log_prob.clear();
  data.shadow_signal.clear();
  data.in.clear();
  data.shadow_log_posterior.clear();
  return lacks(attack, data);
}

bool needs_neighbours(const std::string& attack) {
  stats::AttackData data = known_in_full();
  data.neighbour_log_prob.clear();
  return lacks(attack, data);
}

bool needs_tokens(const std::string& attack) {
  stats::AttackData data = known_in_full();
  data.offsets.clear();
  data.token_log_prob.clear();
  data.token_mean.clear();
  data.token_deviation.clear();
  data.compressed_bytes.clear();
  data.neighbour_log_prob.clear();
  return lacks(attack, data);
}

void attack_signals(MembershipSignals signals, const SignalAuditOptions& options, const std::string& origin,
                    Json& document) {
  const core::Config set = attack_options(options.set);
  set_aside(signals, options.population, options.report.statistics.seed);
  document["n_population"] = std::count(signals.rows.member.begin(), signals.rows.member.end(), -1);
  document["n_models"] = signals.data.models;
  document["unavailable"] = Json::array();
  std::vector<AttackOutcome> outcomes;
  const auto names = options.attacks.empty() ? attack_names() : options.attacks;
  for (const std::string& name : names) {
    const auto rule = core::registry().make<stats::AttackRule>("attack", name);
    const std::string missing = rule.missing(signals.data);
    if (!missing.empty()) {
      if (!options.attacks.empty()) {
        throw bad_data(fmt::format("{}: the attack {} needs {}", origin, name, missing),
                       "docs/audits.md says which keys hold them.");
      }
      document["unavailable"].push_back({{"attack", name}, {"reason", "needs " + missing}});
      continue;
    }
    try {
      stats::AttackScores scores = rule.run(signals.data, set);
      outcomes.push_back({name, std::move(scores.score), scores.unscored_reason, scores.settings});
    } catch (const Error& error) {
      // Not asked for by name: too little data for it is a finding about the file, not the end of the audit.
      if (!options.attacks.empty() || error.code() != ErrorCode::kBadData) throw;
      document["unavailable"].push_back({{"attack", name}, {"reason", error.what()}});
    }
  }
  report_membership(signals.rows, outcomes, options.report, document);
}

Json membership_of_signals(const std::filesystem::path& path, const SignalAuditOptions& options) {
  std::vector<std::string> columns = options.slices;
  columns.insert(columns.end(), options.report.blind.begin(), options.report.blind.end());
  Json document = core::make_document({.schema = "discreet.audit.membership/1",
                                       .configuration = signal_configuration(options),
                                       .inputs = {core::describe_input("signals", path)}});
  attack_signals(read_membership_signals(path, columns), options, path.string(), document);
  return document;
}

}  // namespace discreet::app
