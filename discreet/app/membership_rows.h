#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/stats/attack.h"
#include "discreet/stats/membership.h"

namespace discreet::app {

/// Who the examples of a membership audit are. Columns that the file lacks are empty.
struct AuditedRows {
  std::vector<std::string> id;       ///< Only once each; the row's number where the file has none.
  std::vector<std::int8_t> member;   ///< 1 member, 0 non-member, -1 population: known, not audited.
  std::vector<std::string> text;
  std::vector<std::string> user;
  std::vector<double> length;        ///< Tokens or words.
  std::map<std::string, std::vector<std::string>> columns;  ///< To slice by; "" is in no slice.

  std::size_t size() const { return id.size(); }
};

/// What an attack says of each row; NaN: nothing.
struct AttackOutcome {
  std::string attack;
  std::vector<double> score;
  std::string unscored_reason;
  Json settings = Json::object();
};

struct MembershipReportOptions {
  stats::MembershipOptions statistics;
  std::string user_score = "mean";   ///< Of a user's examples: "mean" or "max".
  std::vector<std::string> blind;    ///< Columns that the baseline without a model sees; empty: the text.
  std::int64_t most_exposed = 10;
  bool show_text = false;
  std::filesystem::path store;       ///< Scores of every example, as JSON lines; empty: not stored.
};

/// Fills `results` (an entry for each attack with a score on both sides, and for the blind baseline),
/// `unavailable`, `duplicates`, `stored` and `caveats` of a discreet.audit.membership/1 document.
///
/// Examples whose text stands more than once are left out and counted: copies fall on both sides more
/// often than chance. Near copies across the sides are counted only. Slices and users have an entry each
/// within their attack's; a slice with fewer than 10 examples a side has no figures, with the reason.
/// Throws: kBadData for an id that stands on both sides or twice, for a side without examples, and if no
/// attack has a score on both sides.
void report_membership(const AuditedRows& rows, const std::vector<AttackOutcome>& outcomes,
                       const MembershipReportOptions& options, Json& document);

}  // namespace discreet::app
