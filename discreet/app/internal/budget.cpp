#include "discreet/app/internal/budget.h"

#include <filesystem>

#include "discreet/core/error.h"
#include "discreet/privacy/ledger.h"

namespace discreet::app {

Budget budget_of(const PrivacyOptions& asked, privacy::Relation relation) {
  if (asked.ledger.empty()) return {};
  return {asked.ledger, asked.ledger_epsilon, asked.ledger_delta > 0 ? asked.ledger_delta : asked.delta.value(),
          privacy::unit_of(asked.unit), relation};
}

Budget budget_of(const Json& request, double delta, privacy::Unit unit) {
  Budget budget{.ledger = request.value("ledger", ""), .epsilon = request.value("ledger_epsilon", 0.0), .delta = delta, .unit = unit};
  if (budget.ledger.empty() && budget.epsilon > 0) {
    throw usage_error("--ledger-epsilon is the budget of a new ledger, and there is no --ledger", "Name its file with --ledger.");
  }
  return budget;
}

void charge_budget(const Budget& budget, const std::string& run, const privacy::Event& event, bool only_asks) {
  if (budget.ledger.empty()) return;
  if (!std::filesystem::exists(budget.ledger) && budget.epsilon <= 0) {
    throw usage_error(budget.ledger + ": there is no such ledger, and no budget to begin one with",
                      "Set privacy.ledger_epsilon or --ledger-epsilon to the budget of a new ledger, or correct the path.");
  }
  if (only_asks && !std::filesystem::exists(budget.ledger)) return;
  privacy::BudgetLedger ledger(
      budget.ledger, {.epsilon = budget.epsilon, .delta = budget.delta, .unit = budget.unit, .relation = budget.relation});
  if (only_asks) return ledger.check(run, event);
  ledger.charge(run, event);
}

}  // namespace discreet::app
