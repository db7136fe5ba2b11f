#include "discreet/app/internal/budget.h"

#include <filesystem>

#include "discreet/core/error.h"
#include "discreet/privacy/ledger.h"

namespace discreet::app {

void charge_budget(const PrivacyOptions& asked, privacy::Relation relation, const std::string& run,
                   const privacy::Event& event, bool only_asks) {
  if (asked.ledger.empty()) return;
  if (!std::filesystem::exists(asked.ledger) && asked.ledger_epsilon <= 0) {
    throw usage_error(asked.ledger + ": there is no such ledger, and no budget to begin one with",
                      "Set privacy.ledger_epsilon or --ledger-epsilon to the budget of a new ledger, or correct the path.");
  }
  if (only_asks && !std::filesystem::exists(asked.ledger)) return;
  privacy::BudgetLedger ledger(
      asked.ledger, {.epsilon = asked.ledger_epsilon,
                     .delta = asked.ledger_delta > 0 ? asked.ledger_delta : asked.delta.value(),
                     .unit = privacy::unit_of(asked.unit),
                     .relation = relation});
  if (only_asks) return ledger.check(run, event);
  ledger.charge(run, event);
}

}  // namespace discreet::app
