#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/privacy/event.h"

namespace discreet::privacy {

/// discreet.privacy.ledger/1: what each budget ledger holds: terms, every charge with its cost alone
/// and the sum up to it, whether a run that is still there spent more than it was charged for, and what
/// `planned` would make of it. Throws: kUsage for a ledger that is absent; kBadData for one that is
/// damaged; kPrivacyRefused if `planned` has no guarantee for the ledger's relation.
Json report_budgets(const std::vector<std::filesystem::path>& ledgers,
                    const std::optional<Event>& planned);

/// False if a planned run does not fit one of the budgets of such a document.
bool planned_fits(const Json& document);

}  // namespace discreet::privacy
