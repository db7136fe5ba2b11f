#include "discreet/app/membership_scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>

#include "discreet/app/table.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace {

bool member_cell(const Table& table, std::size_t row) {
  const std::string& cell = table.column("member")[row];
  const bool yes = cell == "1" || cell == "true";
  if (!yes && cell != "0" && cell != "false") {
    throw bad_data(fmt::format("{}: member is '{}', expected 0 or 1", table.where(row), cell),
                   "1 marks an example that was in the training data, 0 one that was not.");
  }
  return yes;
}

void check_both_sides(const std::filesystem::path& path, std::size_t members, std::size_t nonmembers) {
  if (members > 0 && nonmembers > 0) return;
  throw bad_data(fmt::format("{}: {} members and {} non-members, expected both", path.string(), members, nonmembers),
                 "An attack is judged on examples that were in the training data and on others of the same origin.");
}

}  // namespace

Json membership_configuration(const stats::MembershipOptions& options) {
  return {{"confidence", options.confidence},
          {"false_positive_rates", options.false_positive_rates},
          {"resamples", options.resamples},
          {"seed", options.seed}};
}

MemberScores read_member_scores(const std::filesystem::path& scores, const std::string& column) {
  const std::vector<std::string> there = table_columns(scores);
  const bool has_id = std::find(there.begin(), there.end(), "id") != there.end();
  std::vector<std::string> names = {"member", column};
  if (has_id) names.emplace_back("id");
  const Table table = read_table(scores, names);
  MemberScores read;
  std::set<std::string_view> ids;
  for (std::size_t row = 0; has_id && row < table.rows(); ++row) {
    if (ids.insert(table.column("id")[row]).second) continue;
    throw bad_data(fmt::format("{}: the id '{}' stands twice", table.where(row), table.column("id")[row]),
                   "One score for each example: copies would count as evidence of their own.");
  }
  for (std::size_t row = 0; row < table.rows(); ++row) {
    (member_cell(table, row) ? read.members : read.nonmembers).push_back(table.number(row, column));
  }
  check_both_sides(scores, read.members.size(), read.nonmembers.size());
  return read;
}

Json membership_of_scores(const std::filesystem::path& scores, const ScoreAuditOptions& options) {
  const std::vector<std::string> there = table_columns(scores);
  const auto has = [&](const std::string& name) { return std::find(there.begin(), there.end(), name) != there.end(); };
  std::vector<std::string> names = {"member", options.score}, sliced;
  for (const char* name : {"id", "text", "user", "length"}) {
    if (has(name)) names.emplace_back(name);
  }
  if (has("label")) sliced.emplace_back("label");
  sliced.insert(sliced.end(), options.slices.begin(), options.slices.end());
  sliced.insert(sliced.end(), options.report.blind.begin(), options.report.blind.end());
  std::sort(sliced.begin(), sliced.end());
  sliced.erase(std::unique(sliced.begin(), sliced.end()), sliced.end());
  names.insert(names.end(), sliced.begin(), sliced.end());

  const Table table = read_table(scores, names);
  AuditedRows rows;
  AttackOutcome outcome{options.score == "score" ? "scores" : options.score, {}, "the file has no score", {}};
  for (std::size_t row = 0; row < table.rows(); ++row) {
    rows.member.push_back(member_cell(table, row) ? 1 : 0);
    const bool empty = table.column(options.score)[row].empty();
    outcome.score.push_back(empty ? std::numeric_limits<double>::quiet_NaN() : table.number(row, options.score));
    rows.id.push_back(has("id") ? table.column("id")[row] : fmt::format("{}", row + 1));
    if (has("length")) rows.length.push_back(table.number(row, "length"));
  }
  const auto members = static_cast<std::size_t>(std::count(rows.member.begin(), rows.member.end(), 1));
  check_both_sides(scores, members, rows.size() - members);
  if (has("text")) rows.text = table.column("text");
  if (has("user")) rows.user = table.column("user");
  for (const std::string& name : sliced) rows.columns[name] = table.column(name);

  Json configuration = membership_configuration(options.report.statistics);
  configuration["score"] = options.score;
  configuration["slices"] = options.slices;
  configuration["blind"] = options.report.blind;
  configuration["user_score"] = options.report.user_score;
  configuration["most_exposed"] = options.report.most_exposed;
  configuration["show_text"] = options.report.show_text;
  Json document = core::make_document({.schema = "discreet.audit.membership/1",
                                       .configuration = configuration,
                                       .inputs = {core::describe_input("scores", scores)}});
  report_membership(rows, {outcome}, options.report, document);
  return document;
}

}  // namespace discreet::app
