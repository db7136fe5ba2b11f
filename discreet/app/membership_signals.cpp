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

std::vector<std::string> attack_names() {
  std::vector<std::string> names;
  for (const core::Entry* entry : core::registry().list("attack")) names.push_back(entry->name);
  return names;
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

Json signal_configuration(const SignalAuditOptions& options, const core::Config& set) {
  Json json = membership_configuration(options.report.statistics);
  json["attacks"] = options.attacks;
  json["set"] = set.values();
  json["slices"] = options.slices;
  json["population"] = options.population;
  json["blind"] = options.report.blind;
  json["user_score"] = options.report.user_score;
  json["most_exposed"] = options.report.most_exposed;
  json["show_text"] = options.report.show_text;
  return json;
}

}  // namespace

MembershipSignals read_membership_signals(const std::filesystem::path& path, const std::vector<std::string>& slices) {
  return path.extension() == ".safetensors" ? internal::signals_from_tensors(path)
                                            : internal::signals_from_lines(path, slices);
}

Json membership_of_signals(const std::filesystem::path& path, const SignalAuditOptions& options) {
  const core::Config set = attack_options(options.set);
  std::vector<std::string> columns = options.slices;
  columns.insert(columns.end(), options.report.blind.begin(), options.report.blind.end());
  MembershipSignals signals = read_membership_signals(path, columns);
  set_aside(signals, options.population, options.report.statistics.seed);

  Json document = core::make_document({.schema = "discreet.audit.membership/1",
                                       .configuration = signal_configuration(options, set),
                                       .inputs = {core::describe_input("signals", path)}});
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
        throw bad_data(fmt::format("{}: the attack {} needs {}", path.string(), name, missing),
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
  return document;
}

}  // namespace discreet::app
