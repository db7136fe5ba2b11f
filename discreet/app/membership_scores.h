#pragma once

#include <filesystem>

#include "discreet/core/document.h"
#include "discreet/stats/membership.h"

namespace discreet::app {

/// discreet.audit.membership/1 from a file of scores: columns "member" (0 or 1) and "score" (higher
/// = more likely a member); JSON lines, CSV or TSV. Throws: kBadData naming file and line for any
/// other value, or if one side is empty.
Json membership_of_scores(const std::filesystem::path& scores,
                          const stats::MembershipOptions& options = {});

/// The options as a document's configuration.
Json membership_configuration(const stats::MembershipOptions& options);

}  // namespace discreet::app
