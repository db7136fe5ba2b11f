#include "discreet/app/membership_scores.h"

#include <fmt/format.h>

#include "discreet/app/table.h"
#include "discreet/core/error.h"

namespace discreet::app {

Json membership_configuration(const stats::MembershipOptions& options) {
  return {{"confidence", options.confidence},
          {"false_positive_rates", options.false_positive_rates},
          {"resamples", options.resamples},
          {"seed", options.seed}};
}

MemberScores read_member_scores(const std::filesystem::path& scores) {
  const Table table = read_table(scores, {"member", "score"});
  MemberScores read;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& cell = table.column("member")[row];
    const bool yes = cell == "1" || cell == "true";
    if (!yes && cell != "0" && cell != "false") {
      throw bad_data(fmt::format("{}: member is '{}', expected 0 or 1", table.where(row), cell),
                     "1 marks an example that was in the training data, 0 one that was not.");
    }
    (yes ? read.members : read.nonmembers).push_back(table.number(row, "score"));
  }
  if (read.members.empty() || read.nonmembers.empty()) {
    throw bad_data(fmt::format("{}: {} members and {} non-members, expected both", scores.string(),
                               read.members.size(), read.nonmembers.size()));
  }
  return read;
}

Json membership_of_scores(const std::filesystem::path& scores,
                          const stats::MembershipOptions& options) {
  const auto [members, nonmembers] = read_member_scores(scores);
  const stats::MembershipResult result = stats::membership(members, nonmembers, options);
  Json document = core::make_document({.schema = "discreet.audit.membership/1",
                                       .configuration = membership_configuration(options),
                                       .inputs = {core::describe_input("scores", scores)}});
  document["results"].push_back(stats::membership_json("scores", result));
  document["caveats"] = stats::membership_caveats(result);
  return document;
}

}  // namespace discreet::app
