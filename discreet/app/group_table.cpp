#include "discreet/app/group_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "discreet/app/internal/group_scores.h"
#include "discreet/app/table.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace {

using internal::interval_or_null;

/// "1", "1.0" and "true" are one class, and so are their opposites.
std::optional<int> truth(const std::string& text) {
  for (const char* yes : {"1", "1.0", "true", "True"}) {
    if (text == yes) return 1;
  }
  for (const char* no : {"0", "0.0", "false", "False"}) {
    if (text == no) return 0;
  }
  return std::nullopt;
}

/// Classes as numbers, and whether there are two with a known positive one.
struct Classes {
  std::vector<std::int64_t> label;
  std::vector<std::int64_t> prediction;
  std::vector<std::string> names;  // Of many classes, in their order; empty for two.
  bool binary = true;
};

/// A slip in a column of predictions ("nan", " 0") makes a class that nobody meant.
std::string predictions_of_no_label(const GroupRows& rows) {
  const std::set<std::string> labels(rows.label.begin(), rows.label.end());
  std::size_t count = 0;
  std::string first;
  for (const std::string& value : rows.prediction) {
    if (labels.count(value) != 0 || truth(value)) continue;
    if (count++ == 0) first = value;
  }
  return count == 0 ? "" : fmt::format("{} predictions are of a class that no row has as its label, such as \"{}\".", count, first);
}

Classes classes_of(const GroupRows& rows, const GroupQuestion& question) {
  const std::size_t n = rows.label.size();
  Classes classes;
  const auto all_truths = [](const std::vector<std::string>& values) {
    return std::all_of(values.begin(), values.end(),
                       [](const std::string& value) { return truth(value).has_value(); });
  };
  classes.binary =
      !question.positive.empty() || (all_truths(rows.label) && all_truths(rows.prediction));
  if (!classes.binary && !rows.score.empty()) {
    throw bad_data("scores need two classes, but the labels are not all 0 or 1",
                   "Name the positive class with --positive.");
  }
  std::map<std::string, std::int64_t> numbers;
  if (!classes.binary) {
    for (const auto* values : {&rows.label, &rows.prediction}) {
      for (const std::string& value : *values) numbers.emplace(value, 0);
    }
    for (auto& [name, number] : numbers) {
      number = static_cast<std::int64_t>(classes.names.size());
      classes.names.push_back(name);
    }
  }
  const auto number_of = [&](const std::string& value) -> std::int64_t {
    if (!question.positive.empty()) return value == question.positive ? 1 : 0;
    return classes.binary ? *truth(value) : numbers.at(value);
  };
  if (!question.positive.empty() &&
      std::find(rows.label.begin(), rows.label.end(), question.positive) == rows.label.end()) {
    throw bad_data(fmt::format("no row has the label '{}', the positive class", question.positive),
                   "Check --positive and --label.");
  }
  for (std::size_t i = 0; i < n; ++i) {
    classes.label.push_back(number_of(rows.label[i]));
    classes.prediction.push_back(rows.score.empty()
                                     ? number_of(rows.prediction[i])
                                     : (rows.score[i] >= question.threshold ? 1 : 0));
  }
  return classes;
}

/// Rows with their groups numbered in the order of names; rows without a group are left out.
struct Groups {
  std::vector<std::uint32_t> number;          // Of each row kept.
  std::vector<std::size_t> kept;              // Its place among the rows.
  std::vector<std::vector<std::string>> key;  // key[group][column]
  std::size_t without = 0;
};

Groups groups_of(const GroupRows& rows) {
  Groups groups;
  std::map<std::vector<std::string>, std::uint32_t> numbers;
  std::vector<std::vector<std::string>> keys;
  for (std::size_t i = 0; i < rows.label.size(); ++i) {
    std::vector<std::string> key;
    for (const auto& column : rows.group) key.push_back(column[i]);
    if (std::any_of(key.begin(), key.end(), [](const auto& part) { return part.empty(); })) {
      ++groups.without;
      continue;
    }
    numbers.emplace(key, 0);
    keys.push_back(std::move(key));
    groups.kept.push_back(i);
  }
  for (auto& [key, number] : numbers) {
    number = static_cast<std::uint32_t>(groups.key.size());
    groups.key.push_back(key);
  }
  for (const auto& key : keys) groups.number.push_back(numbers[key]);
  return groups;
}

template <class T>
std::vector<T> pick(const std::vector<T>& values, const std::vector<std::size_t>& places) {
  if (values.empty()) return {};
  std::vector<T> picked;
  picked.reserve(places.size());
  for (const std::size_t place : places) picked.push_back(values[place]);
  return picked;
}

std::vector<std::vector<std::uint8_t>> pick_each(const std::vector<std::vector<std::uint8_t>>& lists,
                                                 const std::vector<std::size_t>& places) {
  std::vector<std::vector<std::uint8_t>> picked;
  for (const auto& list : lists) picked.push_back(pick(list, places));
  return picked;
}

Json rates_json(const stats::GroupRates& rates, bool binary, std::uint64_t least) {
  Json json = {{"n", rates.n}};
  Json ci = Json::object();
  Json counts = Json::object();
  Json small = Json::array();
  const auto& names = stats::rate_names(binary);
  for (std::size_t r = 0; r < names.size(); ++r) {
    const stats::Rate& rate = rates.rates[r];
    if (rate.value) {
      json[names[r]] = *rate.value;
    } else {
      core::set_absent(json, names[r], rate.reason);
    }
    if (rate.ci) ci[names[r]] = interval_or_null(rate.ci);
    counts[names[r]] = rate.n;
    if (rate.small) small.push_back(names[r]);
  }
  if (rates.auc) {
    json["roc_auc"] = rates.auc->auc;
    if (rates.auc->ci) ci["roc_auc"] = interval_or_null(rates.auc->ci);
  }
  json["counts"] = counts;
  json["ci"] = ci;
  if (!small.empty()) {
    json["small"] = small;
    json["small_reason"] = fmt::format("over fewer than {} examples: read the interval", least);
  }
  return json;
}

Json key_json(const std::vector<std::string>& columns, const std::vector<std::string>& key) {
  Json json = Json::object();
  for (std::size_t c = 0; c < columns.size(); ++c) json[columns[c]] = key[c];
  return json;
}

std::vector<std::string> group_caveats(const GroupQuestion& question, const Groups& groups,
                                       const stats::GroupReport& report, std::size_t possible) {
  std::vector<std::string> caveats = {
      "A gap is the largest minus the smallest rate: sampling noise alone makes it positive, more "
      "so "
      "with many or small groups. Read it with its interval, a bootstrap within groups, and its p-value, from "
      "permuting groups; p_holm and p_benjamini_hochberg are corrected for all distinct tests of this document."};
  const auto small =
      std::count_if(report.by_group.begin(), report.by_group.end(), [&](auto& rates) {
        return std::any_of(rates.rates.begin(), rates.rates.end(),
                           [](const stats::Rate& rate) { return rate.small; });
      });
  if (small > 0) {
    caveats.push_back(fmt::format("{} of {} groups have a rate over fewer than {} examples; {}.",
                                  small, report.by_group.size(), question.options.least,
                                  question.options.exclude_small
                                      ? "such rates have no value and enter no gap"
                                      : "gaps that they enter support no verdict"));
  }
  if (groups.without > 0) {
    caveats.push_back(fmt::format("{} rows have no group and were left out.", groups.without));
  }
  if (possible > groups.key.size()) {
    caveats.push_back(fmt::format("{} of {} combinations of groups do not occur in the data.",
                                  possible - groups.key.size(), possible));
  }
  if (!question.weight.empty()) {
    caveats.push_back("Rates are weighted; Wilson intervals, which are for counts, are left out.");
  }
  return caveats;
}

/// Rows of one value of the column are one set; "" is a set of its own.
void add_counterfactual_rows(const Table& table, const GroupQuestion& question, GroupRows& rows) {
  std::map<std::string, std::uint32_t> numbers;
  std::vector<std::uint8_t> begun;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& key = table.column(question.counterfactual)[row];
    const auto next = static_cast<std::uint32_t>(begun.size());
    const std::uint32_t set = key.empty() ? next : numbers.emplace(key, next).first->second;
    if (set == next) begun.push_back(0);
    rows.set.push_back(set);
    const bool first = begun[set] == 0;
    begun[set] = 1;
    if (question.original.empty()) {
      rows.original.push_back(first ? 1 : 0);
      continue;
    }
    const auto marked = truth(table.column(question.original)[row]);
    if (!marked) {
      throw bad_data(fmt::format("{}: {} is '{}', expected 0 or 1", table.where(row), question.original,
                                 table.column(question.original)[row]));
    }
    rows.original.push_back(*marked == 1 ? 1 : 0);
  }
}

}  // namespace

const std::vector<std::string>& gap_interval_names() {
  static const std::vector<std::string> names = {"distance", "percentile", "bca"};
  return names;
}

stats::GapInterval gap_interval_of(const std::string& name) {
  const auto& names = gap_interval_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw usage_error(fmt::format("interval '{}' is not known", name), "One of: distance, percentile, bca.");
  return static_cast<stats::GapInterval>(found - names.begin());
}

const std::vector<std::string>& group_family_names() {
  static const std::vector<std::string> names = {"pairwise", "background", "rest", "multi-group"};
  return names;
}

Json group_configuration(const GroupQuestion& question) {
  Json json = {{"label", question.label}};
  if (!question.prediction.empty()) json["prediction"] = question.prediction;
  if (!question.score.empty()) {
    json["score"] = question.score;
    json["threshold"] = question.threshold;
  }
  json["group"] = question.group;
  if (!question.weight.empty()) json["weight"] = question.weight;
  if (!question.positive.empty()) json["positive"] = question.positive;
  const stats::GroupOptions& options = question.options;
  json["confidence"] = options.confidence;
  json["resamples"] = options.resamples;
  json["seed"] = options.seed;
  json["interval"] = gap_interval_names()[static_cast<std::size_t>(options.interval)];
  json["least"] = options.least;
  json["exclude_small"] = options.exclude_small;
  json["permutations"] = options.permutations;
  json["families"] = Json::array();
  for (const stats::GroupFamily family : options.families) json["families"].push_back(group_family_names()[static_cast<std::size_t>(family)]);
  if (!question.identity.empty()) json["identity"] = question.identity;
  if (!question.counterfactual.empty()) json["counterfactual"] = question.counterfactual;
  if (!question.original.empty()) json["original"] = question.original;
  return json;
}

void answer_groups(const GroupRows& rows, const GroupQuestion& question, Json& document) {
  const Groups groups = groups_of(rows);
  if (groups.kept.empty()) {
    throw bad_data(fmt::format("{} rows, none of them with a group", rows.label.size()));
  }
  const Classes classes = classes_of(rows, question);
  const auto label = pick(classes.label, groups.kept);
  const auto prediction = pick(classes.prediction, groups.kept);
  const auto weight = pick(rows.weight, groups.kept);
  const auto score = pick(rows.score, groups.kept);
  const stats::GroupedPredictions data = {.group = groups.number,
                                          .groups = groups.key.size(),
                                          .label = label,
                                          .prediction = prediction,
                                          .binary = classes.binary,
                                          .weight = weight,
                                          .score = score};
  const stats::GroupReport report = stats::group_report(data, question.options);

  std::vector<Json> keys;
  Json by_group = Json::array();
  for (std::size_t g = 0; g < groups.key.size(); ++g) {
    keys.push_back(key_json(question.group, groups.key[g]));
    Json json = {{"group", keys.back()}};
    json.update(rates_json(report.by_group[g], classes.binary, question.options.least));
    by_group.push_back(json);
  }
  std::size_t possible = 1;
  for (std::size_t c = 0; c < question.group.size(); ++c) {
    std::vector<std::string> values;
    for (const auto& key : groups.key) values.push_back(key[c]);
    std::sort(values.begin(), values.end());
    possible *=
        static_cast<std::size_t>(std::unique(values.begin(), values.end()) - values.begin());
  }
  document["n"] = groups.kept.size();
  document["overall"] = rates_json(report.overall, classes.binary, question.options.least);
  document["by_group"] = by_group;
  document["results"] = Json::array();
  internal::add_gaps(report.gaps, keys, document);
  document["caveats"] = group_caveats(question, groups, report, possible);
  if (const std::string strange = predictions_of_no_label(rows); !strange.empty()) document["caveats"].push_back(strange);
  if (!classes.binary) internal::add_class_recall(data, classes.names, question.options, keys, document);
  if (!score.empty()) internal::add_subgroup_scores(data, question, pick_each(rows.identity, groups.kept), keys, document);
  if (!rows.set.empty()) {
    internal::add_counterfactuals(score, pick(rows.set, groups.kept), pick(rows.original, groups.kept), question, document);
  }
}

Json groups_of_table(const std::filesystem::path& input, const GroupQuestion& question) {
  if (question.prediction.empty() == question.score.empty()) {
    throw usage_error("fairness groups needs --prediction or --score, and not both",
                      "--prediction names the column of predicted classes, --score one of scores.");
  }
  if (question.score.empty() && !(question.identity.empty() && question.counterfactual.empty())) {
    throw usage_error("--identity and --counterfactual need --score", "They compare scores, not predictions.");
  }
  if (question.group.empty()) {
    throw usage_error("fairness groups needs --group", "Name one or more columns: --group g,h");
  }
  std::vector<std::string> names = {question.label};
  const std::string& answer = question.prediction.empty() ? question.score : question.prediction;
  names.push_back(answer);
  names.insert(names.end(), question.group.begin(), question.group.end());
  for (const std::string* name : {&question.weight, &question.counterfactual, &question.original}) {
    if (!name->empty()) names.push_back(*name);
  }
  names.insert(names.end(), question.identity.begin(), question.identity.end());
  const Table table = read_table(input, names);
  if (table.rows() == 0) throw bad_data(fmt::format("{}: no rows", input.string()));

  GroupRows rows;
  rows.label = table.column(question.label);
  if (question.score.empty()) rows.prediction = table.column(answer);
  for (const std::string& name : question.group) rows.group.push_back(table.column(name));
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const std::string* name : {&question.label, &answer}) {
      if (table.column(*name)[row].empty()) {
        throw bad_data(fmt::format("{}: no value in column '{}'", table.where(row), *name));
      }
    }
    if (!question.score.empty()) rows.score.push_back(table.number(row, question.score));
    if (question.weight.empty()) continue;
    rows.weight.push_back(table.number(row, question.weight));
    if (rows.weight.back() < 0) {
      throw bad_data(
          fmt::format("{}: weight {} is negative", table.where(row), rows.weight.back()));
    }
  }
  for (const std::string& name : question.identity) {
    auto& member = rows.identity.emplace_back();
    for (std::size_t row = 0; row < table.rows(); ++row) {
      member.push_back(!table.column(name)[row].empty() && table.number(row, name) >= 0.5 ? 1 : 0);
    }
  }
  if (!question.counterfactual.empty()) add_counterfactual_rows(table, question, rows);
  Json document = core::make_document({.schema = "discreet.fairness.groups/1",
                                       .configuration = group_configuration(question),
                                       .inputs = {core::describe_input("input", input)}});
  document["n"] = nullptr;
  answer_groups(rows, question, document);
  return document;
}

}  // namespace discreet::app
