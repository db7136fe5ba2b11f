#pragma once

#include <string>

#include "discreet/app/settings.h"
#include "discreet/privacy/event.h"
#include "discreet/privacy/types.h"

namespace discreet::app {

/// Charges `asked.ledger`, if there is one, with `event`; `only_asks` whether that would be refused. A ledger that is
/// not there is begun with ledger_epsilon, and ledger_delta or delta.
/// Throws: kPrivacyRefused beyond the budget, or for another unit or relation; kUsage without a budget to begin with.
void charge_budget(const PrivacyOptions& asked, privacy::Relation relation, const std::string& run,
                   const privacy::Event& event, bool only_asks);

}  // namespace discreet::app
