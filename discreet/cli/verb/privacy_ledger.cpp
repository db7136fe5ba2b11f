#include <filesystem>

#include <fmt/format.h>

#include "discreet/cli/internal/privacy_flags.h"
#include "discreet/cli/program.h"
#include "discreet/core/error.h"
#include "discreet/privacy/budget_report.h"
#include "discreet/privacy/ledger.h"

namespace discreet {
namespace {

struct LedgerFlags {
  std::vector<std::string> ledgers;
  cli::PhaseFlags phases;
  cli::EventFlags event;
  std::string charge;
  std::optional<std::string> unit, accountant;
  std::optional<double> budget, delta;
};

/// The planned run, if one was given.
std::optional<privacy::Event> planned_event(const LedgerFlags& flags,
                                            std::optional<privacy::Relation>& relation) {
  if (!cli::any_given(flags.phases) && flags.event.event.empty()) return std::nullopt;
  const auto asked = privacy::asked_event(cli::event_question(flags.phases, flags.event));
  relation = asked.relation;
  return asked.event;
}

/// Creates the ledger if it is absent and a budget was given; charges it.
void charge(const LedgerFlags& flags, const std::optional<privacy::Event>& event,
            privacy::Relation relation) {
  if (flags.ledgers.size() != 1) throw usage_error("one ledger at a time can be made or charged");
  const std::filesystem::path path = flags.ledgers[0];
  if (flags.budget && !std::filesystem::exists(path)) {
    if (!(flags.delta.value_or(0) > 0)) throw usage_error("a new ledger needs --delta above 0");
    privacy::BudgetLedger made(path, {.epsilon = *flags.budget,
                                      .delta = *flags.delta,
                                      .unit = privacy::unit_of(flags.unit.value_or("example")),
                                      .relation = relation,
                                      .accountant = flags.accountant.value_or("rdp")});
  } else if (flags.budget) {
    throw usage_error(path.string() + " exists: its budget is not changed",
                      "Charge it without --budget, or name another file.");
  }
  if (flags.charge.empty()) return;
  if (!event) {
    throw usage_error("--charge needs what was done",
                      "--noise-multiplier, --sampling-rate, --steps; --phase; or --event FILE.");
  }
  privacy::BudgetLedger(path).charge(flags.charge, *event);
}

void print_budgets(const Json& document) {
  for (const Json& row : document["results"]) {
    fmt::print("{}: epsilon {} of {} spent, at delta = {}, per {}, {} ({})\n",
               row["ledger"].get<std::string>(), cli::shown(row["spent"]), cli::shown(row["budget"]),
               cli::shown(row["delta"]), row["unit"].get<std::string>(),
               row["relation"].get<std::string>(), row["accountant"].get<std::string>());
    std::vector<std::vector<std::string>> rows;
    for (const Json& charge : row["charges"]) {
      rows.push_back({charge["run"].get<std::string>(), cli::shown(charge["epsilon"]),
                      cli::shown(charge["total"])});
    }
    if (!rows.empty()) cli::print_table({"run", "epsilon alone", "total"}, rows);
    for (const Json& warning : row["warnings"]) {
      fmt::print("warning: {}\n", warning.get<std::string>());
    }
    if (row.contains("planned")) {
      const Json& planned = row["planned"];
      fmt::print("The planned run costs {} alone and would make it {}: it {}.\n",
                 cli::shown(planned["epsilon"]), cli::shown(planned["total"]),
                 planned["fits"].get<bool>() ? "fits" : "does not fit");
    }
  }
}

}  // namespace

void register_verb_privacy_ledger(cli::Program& program) {
  static LedgerFlags flags;
  CLI::App* verb = program.add_verb(
      "privacy ledger",
      "What all runs on a data set spent together, and whether another one fits (exit 5 if not).");
  verb->add_option("ledger", flags.ledgers, "Budget ledgers (privacy.ledger of the configuration).")
      ->required();
  cli::add_phase_flags(verb, flags.phases);
  cli::add_event_flags(verb, flags.event);
  verb->add_option("--charge", flags.charge,
                   "Record the phases or the event as spent, under this name (runs of other tools; "
                   "training charges by itself).");
  verb->add_option("--budget", flags.budget, "Make the ledger, with this epsilon.");
  verb->add_option("--delta", flags.delta, "Of a new ledger.");
  verb->add_option("--unit", flags.unit, "Of a new ledger: example (the default) or user.");
  verb->add_option("--accountant", flags.accountant, "Of a new ledger; rdp.");
  program.on_run(verb, [&program] {
    if (!flags.budget && (flags.delta || flags.unit || flags.accountant)) {
      throw usage_error("--delta, --unit and --accountant are those of a new ledger: they need --budget",
                        "What an existing ledger counts for stands in its first line.");
    }
    std::optional<privacy::Relation> relation;
    const auto planned = planned_event(flags, relation);
    const bool changes = flags.budget || !flags.charge.empty();
    if (changes) {
      if (!relation && !flags.event.relation.empty()) {
        relation = privacy::relation_of(flags.event.relation);
      }
      charge(flags, planned, relation.value_or(privacy::Relation::kAddOrRemoveOne));
    }
    const std::vector<std::filesystem::path> paths(flags.ledgers.begin(), flags.ledgers.end());
    const Json document =
        privacy::report_budgets(paths, flags.charge.empty() ? planned : std::nullopt);
    if (program.global().json) {
      cli::print_document(document);
    } else {
      print_budgets(document);
    }
    return privacy::planned_fits(document) ? 0 : 5;
  });
}

}  // namespace discreet
