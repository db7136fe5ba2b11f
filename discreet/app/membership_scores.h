#pragma once

#include <filesystem>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/stats/membership.h"

namespace discreet::app {

/// Scores of examples that were in the training data, and of others.
struct MemberScores {
  std::vector<double> members, nonmembers;
};
/// Columns "member" (0 or 1) and "score" (higher = more likely a member); JSON lines, CSV or TSV.
/// Throws: kBadData naming file and line for any other value, or if one side is empty.
MemberScores read_member_scores(const std::filesystem::path& scores);

/// discreet.audit.membership/1 from a file of scores. Throws as above.
Json membership_of_scores(const std::filesystem::path& scores,
                          const stats::MembershipOptions& options = {});

/// The options as a document's configuration.
Json membership_configuration(const stats::MembershipOptions& options);

}  // namespace discreet::app
