#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/stats/groups.h"

namespace discreet::app {

/// What `fairness groups` asks of a table.
struct GroupQuestion {
  std::string label = "label";
  std::string prediction;  ///< Either this column, or
  std::string score;       ///< this one with `threshold`: prediction = score >= threshold.
  double threshold = 0.5;
  std::vector<std::string> group;  ///< Several columns: their intersections.
  std::string weight;              ///< Empty: every row counts 1.
  std::vector<std::string> identity;  ///< With scores: columns of subgroups that may overlap, from .5 on.
  std::string counterfactual;         ///< With scores: column that says which rows are copies of one example.
  std::string original;               ///< Column that marks the example itself; empty: each set's first row.
  std::string positive;  ///< The positive class; empty: 1 or true, else classes stay many.
  stats::GroupOptions options;
};

/// Rows as a fairness question sees them: strings, one for each example.
struct GroupRows {
  std::vector<std::string> label;
  std::vector<std::string> prediction;          ///< Empty if there are scores.
  std::vector<std::vector<std::string>> group;  ///< group[g][row], as in the question.
  std::vector<double> score;                    ///< Empty if there are predictions.
  std::vector<double> weight;                   ///< Empty: all 1.
  std::vector<std::vector<std::uint8_t>> identity;  ///< identity[k][row], as in the question.
  std::vector<std::uint32_t> set;                   ///< Of counterfactuals; empty: none.
  std::vector<std::uint8_t> original;               ///< [row] 1: the example itself.
};

/// Fills by_group, overall, results and caveats of a discreet.fairness.groups/1 document.
/// Throws: kBadData if there are no rows, or the labels fit no question (a score needs two
/// classes).
void answer_groups(const GroupRows& rows, const GroupQuestion& question, Json& document);

/// The whole document from a .csv, .tsv or .jsonl file. Throws: kBadData naming file and line;
/// kUsage if neither or both of prediction and score are asked for, or no group.
Json groups_of_table(const std::filesystem::path& input, const GroupQuestion& question);

/// "distance", …: in the order of stats::GapInterval. Throws: kUsage for another name.
const std::vector<std::string>& gap_interval_names();
stats::GapInterval gap_interval_of(const std::string& name);

/// "pairwise", …: in the order of stats::GroupFamily.
const std::vector<std::string>& group_family_names();

/// The question as a document's configuration.
Json group_configuration(const GroupQuestion& question);

}  // namespace discreet::app
