#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/app/membership_rows.h"
#include "discreet/core/document.h"
#include "discreet/stats/membership.h"

namespace discreet::app {

/// Scores of examples that were in the training data, and of others.
struct MemberScores {
  std::vector<double> members, nonmembers;
};
/// Columns "member" (0 or 1) and `column` (higher = more likely a member); JSON lines, CSV or TSV.
/// Throws: kBadData naming file and line for any other value, for an "id" that stands twice, or if one side is empty.
MemberScores read_member_scores(const std::filesystem::path& scores, const std::string& column = "score");

struct ScoreAuditOptions {
  std::string score = "score";      ///< Column; its name is the attack's, "scores" for "score".
  std::vector<std::string> slices;  ///< Columns, beside "label", "length" and "user" where they are there.
  MembershipReportOptions report;
};

/// discreet.audit.membership/1 from a file of scores: the columns "member" and `score`, and if there are
/// "id", "text", "label", "user", "length". A score that is empty or null is no score: counted.
/// What --store wrote is such a file. Throws as above.
Json membership_of_scores(const std::filesystem::path& scores, const ScoreAuditOptions& options = {});

/// The options as a document's configuration.
Json membership_configuration(const stats::MembershipOptions& options);

}  // namespace discreet::app
