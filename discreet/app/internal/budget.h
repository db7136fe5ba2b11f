#pragma once

#include <string>

#include "discreet/app/settings.h"
#include "discreet/core/json.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/types.h"

namespace discreet::app {

/// The ledger of a data set that is charged; empty: none.
struct Budget {
  std::string ledger;
  double epsilon = 0, delta = 0;  ///< Of a ledger that is not there yet.
  privacy::Unit unit = privacy::Unit::kExample;
  privacy::Relation relation = privacy::Relation::kAddOrRemoveOne;
};

/// [privacy] of a run, whose relation the mechanism decides.
Budget budget_of(const PrivacyOptions& asked, privacy::Relation relation);
/// "ledger" and "ledger_epsilon" of a request, for adding or removing one unit. Throws: kUsage for a budget of no ledger.
Budget budget_of(const Json& request, double delta, privacy::Unit unit);

/// Charges the ledger with `event`; `only_asks` whether that would be refused.
/// Throws: kPrivacyRefused beyond the budget, or for another unit or relation; kUsage without a budget to begin with.
void charge_budget(const Budget& budget, const std::string& run, const privacy::Event& event, bool only_asks);

}  // namespace discreet::app
