#include "discreet/app/membership_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/stats/blind_baseline.h"
#include "discreet/stats/near_duplicates.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

constexpr std::size_t kLeastInSlice = 10, kMostSlices = 50, kLeastForBlind = 20;
constexpr std::uint64_t kSliceResamples = 200;

void check_ids(const AuditedRows& rows) {
  std::unordered_map<std::string_view, std::int8_t> seen;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto [place, fresh] = seen.emplace(rows.id[i], rows.member[i]);
    if (fresh) continue;
    if (place->second != rows.member[i]) {
      throw bad_data(fmt::format("the id '{}' is both a member and not", rows.id[i]),
                     "An example is in the training data or it is not: mend the file.");
    }
    throw bad_data(fmt::format("the id '{}' stands twice", rows.id[i]), "Give each example one row.");
  }
  for (const int side : {0, 1}) {
    if (std::count(rows.member.begin(), rows.member.end(), side) == 0) {
      throw bad_data(fmt::format("no {}, expected both members and non-members", side == 1 ? "members" : "non-members"),
                     "An attack is judged on examples that were in the training data and on others of the same origin.");
    }
  }
}

/// Which rows are audited: neither population nor a text that stands more than once.
std::vector<std::uint8_t> rows_without_copies(const AuditedRows& rows, Json& document) {
  std::vector<std::uint8_t> kept(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) kept[i] = rows.member[i] >= 0 ? 1 : 0;
  if (rows.text.empty()) return kept;
  struct Sides {
    std::array<std::uint64_t, 2> of{};
  };
  std::unordered_map<std::string_view, Sides> counts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i] != 0) ++counts[rows.text[i]].of[static_cast<std::size_t>(rows.member[i])];
  }
  std::uint64_t within_members = 0, within_nonmembers = 0, across = 0;
  std::vector<std::string> members, nonmembers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i] == 0) continue;
    const auto [others, own] = counts[rows.text[i]].of;
    if (own + others == 1) {
      (rows.member[i] == 1 ? members : nonmembers).push_back(rows.text[i]);
      continue;
    }
    kept[i] = 0;
    (own > 0 && others > 0 ? across : own > 1 ? within_members : within_nonmembers) += 1;
  }
  const stats::NearDuplicates near = stats::near_duplicates(members, nonmembers);
  document["duplicates"] = {{"within_members", within_members},
                            {"within_nonmembers", within_nonmembers},
                            {"across", across},
                            {"near_members", std::count(near.first.begin(), near.first.end(), 1)},
                            {"near_nonmembers", std::count(near.second.begin(), near.second.end(), 1)},
                            {"near_pairs", near.pairs}};
  return kept;
}

struct SideScores {
  std::vector<double> members, nonmembers;
  std::size_t unscored = 0;
};

template <class Keep>
SideScores sides_of(const AuditedRows& rows, const std::vector<double>& score, const Keep& keep) {
  SideScores sides;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!keep(i)) continue;
    if (std::isnan(score[i])) ++sides.unscored;
    else (rows.member[i] == 1 ? sides.members : sides.nonmembers).push_back(score[i]);
  }
  return sides;
}

/// A slice or the users: the attack's figures without its curve.
Json part_json(const std::string& attack, const SideScores& sides, const stats::MembershipOptions& options) {
  const std::size_t fewest = std::min(sides.members.size(), sides.nonmembers.size());
  if (fewest < kLeastInSlice) {
    Json json = Json::object();
    core::set_absent(json, "auc",
                     fmt::format("{} members and {} non-members, fewer than {}", sides.members.size(),
                                 sides.nonmembers.size(), kLeastInSlice));
    json["n_members"] = sides.members.size();
    json["n_nonmembers"] = sides.nonmembers.size();
    return json;
  }
  stats::MembershipOptions own = options;
  own.resamples = std::min(own.resamples, kSliceResamples);
  Json json = stats::membership_json(attack, stats::membership(sides.members, sides.nonmembers, own));
  for (const char* key : {"attack", "roc", "yeom", "yeom_reason", "ppv", "ppv_reason"}) json.erase(key);
  json["ci"].erase("ppv");
  return json;
}

/// Columns to slice by: those of the file, and the length in quarters.
std::map<std::string, std::vector<std::string>> slice_columns(const AuditedRows& rows,
                                                              const std::vector<std::uint8_t>& kept) {
  auto columns = rows.columns;
  if (rows.length.empty()) return columns;
  std::vector<double> sorted;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i] != 0) sorted.push_back(rows.length[i]);
  }
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> edges;
  for (int quarter = 1; quarter < 4; ++quarter) edges.push_back(sorted[sorted.size() * static_cast<std::size_t>(quarter) / 4]);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  while (!edges.empty() && edges.front() <= sorted.front()) edges.erase(edges.begin());
  if (edges.empty()) return columns;  // all of one length
  auto& names = columns["length"];
  for (const double length : rows.length) {
    const auto above = std::upper_bound(edges.begin(), edges.end(), length);
    if (above == edges.begin()) names.push_back(fmt::format("below {:g}", edges.front()));
    else if (above == edges.end()) names.push_back(fmt::format("{:g} and more", edges.back()));
    else names.push_back(fmt::format("{:g} to below {:g}", *(above - 1), *above));
  }
  return columns;
}

Json slices_json(const AuditedRows& rows, const AttackOutcome& outcome, const std::vector<std::uint8_t>& kept,
                 const std::map<std::string, std::vector<std::string>>& columns,
                 const stats::MembershipOptions& options) {
  Json slices = Json::array();
  for (const auto& [name, values] : columns) {
    std::map<std::string, std::size_t> counts;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (kept[i] != 0 && !values[i].empty()) ++counts[values[i]];
    }
    std::vector<std::pair<std::string, std::size_t>> largest(counts.begin(), counts.end());
    std::stable_sort(largest.begin(), largest.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    if (largest.size() > kMostSlices) largest.resize(kMostSlices);
    for (const auto& [value, count] : largest) {
      Json slice = {{"slice", {{name, value}}}};
      slice.update(part_json(
          outcome.attack, sides_of(rows, outcome.score, [&](std::size_t i) { return kept[i] != 0 && values[i] == value; }),
          options));
      slices.push_back(slice);
    }
  }
  return slices;
}

/// A user is a member if all of their examples are, and a non-member if none is.
Json users_json(const AuditedRows& rows, const AttackOutcome& outcome, const std::vector<std::uint8_t>& kept,
                const MembershipReportOptions& options) {
  struct User {
    std::size_t members = 0, examples = 0;
    double sum = 0, most = -std::numeric_limits<double>::infinity();
  };
  std::map<std::string, User> users;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i] == 0 || rows.user[i].empty() || std::isnan(outcome.score[i])) continue;
    User& user = users[rows.user[i]];
    user.members += rows.member[i] == 1 ? 1 : 0;
    ++user.examples;
    user.sum += outcome.score[i];
    user.most = std::max(user.most, outcome.score[i]);
  }
  SideScores sides;
  std::size_t mixed = 0;
  for (const auto& [name, user] : users) {
    const double score = options.user_score == "max" ? user.most : user.sum / static_cast<double>(user.examples);
    if (std::isnan(score)) continue;  // inf - inf
    if (user.members == user.examples) sides.members.push_back(score);
    else if (user.members == 0) sides.nonmembers.push_back(score);
    else ++mixed;
  }
  Json json = part_json(outcome.attack, sides, options.statistics);
  if (mixed > 0 && json.contains("auc_reason")) {
    json["auc_reason"] = fmt::format("{}; {} users have examples on both sides", json["auc_reason"].get<std::string>(), mixed);
  }
  json["score"] = options.user_score;
  json["mixed"] = mixed;
  return json;
}

Json most_exposed(const AuditedRows& rows, const AttackOutcome& outcome, const std::vector<std::uint8_t>& kept,
                  const MembershipReportOptions& options) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i] != 0 && rows.member[i] == 1 && !std::isnan(outcome.score[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return outcome.score[a] > outcome.score[b]; });
  if (order.size() > static_cast<std::size_t>(options.most_exposed)) {
    order.resize(static_cast<std::size_t>(options.most_exposed));
  }
  Json list = Json::array();
  for (const std::size_t i : order) {
    Json one = {{"id", rows.id[i]}, {"score", core::number(outcome.score[i])}};
    if (options.show_text && !rows.text.empty()) one["text"] = rows.text[i];
    list.push_back(one);
  }
  return list;
}

/// The baseline that sees no model; absent where there is nothing to see, or too little.
std::optional<stats::MembershipResult> blind_result(const AuditedRows& rows, const std::vector<std::uint8_t>& kept,
                                                    const MembershipReportOptions& options, Json& caveats) {
  if (options.blind.empty() && rows.text.empty()) {
    caveats.push_back(
        "No blind baseline and no verdict: the file has neither text nor columns named by --blind, so it is not known "
        "whether the two sides differ by more than membership.");
    return std::nullopt;
  }
  std::vector<stats::FeatureBag> members, nonmembers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i] == 0) continue;
    std::vector<std::string> words;
    if (options.blind.empty()) words = text::split_spaces(text::lowercase(rows.text[i]));
    for (const std::string& name : options.blind) words.push_back(name + "=" + rows.columns.at(name)[i]);
    (rows.member[i] == 1 ? members : nonmembers).push_back(stats::text_features(words));
  }
  if (std::min(members.size(), nonmembers.size()) < kLeastForBlind) {
    caveats.push_back(fmt::format("No blind baseline and no verdict: {} members and {} non-members, fewer than {}.",
                                  members.size(), nonmembers.size(), kLeastForBlind));
    return std::nullopt;
  }
  return stats::blind_membership(members, nonmembers, options.statistics);
}

void store_scores(const AuditedRows& rows, const std::vector<AttackOutcome>& outcomes,
                  const std::vector<std::uint8_t>& kept, const std::filesystem::path& path) {
  std::string lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (kept[i] == 0) continue;
    Json line = {{"id", rows.id[i]}, {"member", rows.member[i]}};
    if (!rows.user.empty()) line["user"] = rows.user[i];
    if (!rows.length.empty()) line["length"] = rows.length[i];
    for (const auto& [name, values] : rows.columns) line[name] = values[i];
    for (const AttackOutcome& outcome : outcomes) {
      line[outcome.attack] = std::isnan(outcome.score[i]) ? Json() : core::number(outcome.score[i]);
    }
    lines += line.dump() + "\n";
  }
  core::write_file_atomically(path, lines);
}

}  // namespace

void report_membership(const AuditedRows& rows, const std::vector<AttackOutcome>& outcomes,
                       const MembershipReportOptions& options, Json& document) {
  check_ids(rows);
  const std::vector<std::uint8_t> kept = rows_without_copies(rows, document);
  const auto columns = slice_columns(rows, kept);
  Json caveats = Json::array();
  const auto blind = blind_result(rows, kept, options, caveats);
  std::optional<stats::MembershipResult> first;
  for (const AttackOutcome& outcome : outcomes) {
    const SideScores sides = sides_of(rows, outcome.score, [&](std::size_t i) { return kept[i] != 0; });
    if (sides.members.empty() || sides.nonmembers.empty()) {
      document["unavailable"].push_back(
          {{"attack", outcome.attack},
           {"reason", fmt::format("{} members and {} non-members have a score{}", sides.members.size(),
                                  sides.nonmembers.size(),
                                  outcome.unscored_reason.empty() ? "" : ": " + outcome.unscored_reason)}});
      continue;
    }
    const stats::MembershipResult result = stats::membership(sides.members, sides.nonmembers, options.statistics);
    Json entry = stats::membership_json(outcome.attack, result);
    entry["sees_model"] = true;
    if (!outcome.settings.empty()) entry["settings"] = outcome.settings;
    if (sides.unscored > 0) {
      entry["unscored"] = sides.unscored;
      entry["unscored_reason"] = outcome.unscored_reason;
    }
    if (blind) entry["verdict"] = stats::membership_verdict(result.auc, blind->auc);
    if (!columns.empty()) entry["slices"] = slices_json(rows, outcome, kept, columns, options.statistics);
    if (!rows.user.empty()) entry["users"] = users_json(rows, outcome, kept, options);
    if (options.most_exposed > 0) entry["most_exposed"] = most_exposed(rows, outcome, kept, options);
    document["results"].push_back(entry);
    if (!first) first = result;
  }
  if (!first) {
    throw bad_data("no attack has scores of both members and non-members",
                   document.contains("unavailable") ? document["unavailable"][0]["reason"].get<std::string>() : "");
  }
  if (blind) document["results"].push_back(stats::blind_membership_json("blind", *blind));
  if (std::min(first->n_members, first->n_nonmembers) < kLeastInSlice) {
    caveats.push_back(fmt::format("{} members and {} non-members: too few to say anything but what the intervals say.",
                                  first->n_members, first->n_nonmembers));
  }
  for (const std::string& caveat : stats::membership_caveats(*first)) document["caveats"].push_back(caveat);
  for (const Json& caveat : caveats) document["caveats"].push_back(caveat);
  if (outcomes.size() > 1) {
    document["caveats"].push_back(
        "The attacks were chosen before; the best of several, picked by these figures, errs upwards.");
  }
  if (document.contains("duplicates")) {
    const Json& copies = document["duplicates"];
    const auto removed = copies["within_members"].get<std::uint64_t>() + copies["within_nonmembers"].get<std::uint64_t>() +
                         copies["across"].get<std::uint64_t>();
    if (removed > 0) {
      document["caveats"].push_back(fmt::format(
          "{} examples whose exact text occurs more than once were left out; nothing is said of them.", removed));
    }
    if (copies["near_pairs"] != 0) {
      document["caveats"].push_back(fmt::format(
          "{} members and {} non-members are almost the same text as one of the other side: an attack that finds them "
          "alike is not wrong, and figures err downwards.",
          copies["near_members"].get<std::uint64_t>(), copies["near_nonmembers"].get<std::uint64_t>()));
    }
  }
  if (options.most_exposed > 0) {
    document["caveats"].push_back("Ids, scores and texts of the most exposed examples are not private: they say who was in the data.");
  }
  if (!options.store.empty()) {
    for (const Json& input : document["inputs"]) {
      std::error_code ignored;
      if (std::filesystem::equivalent(options.store, input["path"].get<std::string>(), ignored)) {
        throw usage_error("--store is a file that the audit read", "Write the scores to another file.");
      }
    }
    store_scores(rows, outcomes, kept, options.store);
    document["stored"] = core::to_json(core::describe_input("stored", options.store));
  }
}

}  // namespace discreet::app
