#include "discreet/privacy/budget_report.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/privacy/ledger.h"

namespace discreet::privacy {
namespace {
namespace fs = std::filesystem;

/// What a run's own ledger says it spent, if the run is still where it was.
std::optional<double> spent_by_run(const BudgetLedger& ledger, const std::string& run) {
  const fs::path path = fs::path(run) / "ledger.jsonl";
  if (!fs::exists(path)) return std::nullopt;
  return ledger.alone(read_ledger(path).event);
}

Json charges_of(const BudgetLedger& ledger, Json& warnings) {
  Json list = Json::array();
  std::vector<Event> so_far;
  for (const BudgetLedger::Charge& charge : ledger.charges()) {
    so_far.push_back(charge.event);
    const double alone = ledger.alone(charge.event);
    Json row{{"run", charge.run},
             {"epsilon", core::number(alone)},
             {"total", core::number(ledger.alone(Event::composed(so_far)))},
             {"event", charge.event.to_json()}};
    if (const auto spent = spent_by_run(ledger, charge.run)) {
      row["spent"] = core::number(*spent);
      if (*spent > alone * (1 + 1e-6)) {
        warnings.push_back(fmt::format("run '{}' spent epsilon {:.6g} and was charged {:.6g}",
                                       charge.run, *spent, alone));
      }
    }
    list.push_back(std::move(row));
  }
  return list;
}

Json planned_of(const BudgetLedger& ledger, const Event& event) {
  if (const auto why = why_not_relation(event, ledger.terms().relation); !why.empty()) {
    throw privacy_refused(why);
  }
  const double total = ledger.spent_with(event);
  return {{"epsilon", core::number(ledger.alone(event))},
          {"total", core::number(total)},
          {"fits", total <= ledger.terms().epsilon}};
}

}  // namespace

Json report_budgets(const std::vector<fs::path>& ledgers, const std::optional<Event>& planned) {
  Json results = Json::array();
  for (const fs::path& path : ledgers) {
    const BudgetLedger ledger(path);
    const BudgetLedger::Terms& terms = ledger.terms();
    Json warnings = Json::array();
    Json charges = charges_of(ledger, warnings);
    Json row{{"ledger", path.string()},
             {"budget", core::number(terms.epsilon)},
             {"spent", core::number(ledger.spent())},
             {"delta", terms.delta},
             {"unit", name(terms.unit)},
             {"relation", name(terms.relation)},
             {"accountant", terms.accountant},
             {"data_sha256", terms.data_sha256.empty() ? Json() : Json(terms.data_sha256)},
             {"charges", std::move(charges)},
             {"warnings", std::move(warnings)}};
    if (planned) row["planned"] = planned_of(ledger, *planned);
    results.push_back(std::move(row));
  }
  return {{"schema", "discreet.privacy.ledger/1"}, {"results", std::move(results)}};
}

bool planned_fits(const Json& document) {
  for (const Json& row : document["results"]) {
    if (row.contains("planned") && !row["planned"]["fits"].get<bool>()) return false;
  }
  return true;
}

}  // namespace discreet::privacy
