#include "discreet/app/correlate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "discreet/app/internal/heat_map.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/correlation.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/dependent_correlations.h"
#include "discreet/stats/reliability.h"

namespace discreet::app {
namespace {

constexpr std::uint64_t kFewestModels = 4, kLeastForVerdict = 30;
constexpr double kNoCorrelation = .3, kLeastReliability = .5, kLevel = .05;

/// What both columns say of the models that have both.
struct PairValues {
  std::vector<double> a, b;
  std::vector<std::size_t> models;
  std::size_t left_out = 0;
};

PairValues values_of(const MetricTable& table, std::size_t x, std::size_t y) {
  PairValues found;
  for (std::size_t m = 0; m < table.models.size(); ++m) {
    if (!table.values[x][m] || !table.values[y][m]) {
      ++found.left_out;
      continue;
    }
    found.a.push_back(oriented(table.columns[x], *table.values[x][m]));
    found.b.push_back(oriented(table.columns[y], *table.values[y][m]));
    found.models.push_back(m);
  }
  return found;
}

/// Models, or families with all their members.
std::vector<std::vector<std::size_t>> resampling_units(const MetricTable& table, const PairValues& values) {
  std::vector<std::vector<std::size_t>> units;
  std::map<std::string, std::size_t> families;
  for (std::size_t i = 0; i < values.models.size(); ++i) {
    if (table.families.empty()) {
      units.push_back({i});
      continue;
    }
    const auto [place, fresh] = families.emplace(table.families[values.models[i]], units.size());
    if (fresh) units.emplace_back();
    units[place->second].push_back(i);
  }
  return units;
}

/// Reliability of a column by the column that repeats it: ICC(1,1) of both over models.
std::optional<double> reliability_of(const MetricTable& table, std::size_t column, const CorrelateQuestion& question) {
  for (const auto& [name, repeat] : question.repeat) {
    if (table.columns[column].name != name && table.columns[column].name != repeat) continue;
    const PairValues both = values_of(table, table.place(name), table.place(repeat));
    std::vector<double> rows;
    for (std::size_t i = 0; i < both.a.size(); ++i) rows.insert(rows.end(), {both.a[i], both.b[i]});
    const auto found = stats::intraclass_correlation(rows, both.a.size(), 2);
    if (found) return found->single;
  }
  return std::nullopt;
}

void put(Json& result, const char* key, const std::optional<double>& value, const std::string& reason) {
  if (value) result[key] = *value;
  else core::set_absent(result, key, reason);
}

std::string unlike(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() || a == b ? "" : fmt::format("{} and {}", a, b);
}

/// In what two metrics are about different things, as far as it is said.
Json misalignments(const MetricColumn& x, const MetricColumn& y) {
  Json found = Json::array();
  if (const std::string groups = unlike(x.group, y.group); !groups.empty()) found.push_back("protected groups: " + groups);
  if (const std::string notions = unlike(x.notion, y.notion); !notions.empty()) found.push_back("notions of bias: " + notions);
  if (!unlike(x.word_list, y.word_list).empty()) found.push_back("word lists differ");
  if (!unlike(x.data, y.data).empty()) found.push_back("data differ");
  for (const MetricColumn* column : {&x, &y}) {
    if (column->lacks_sampling) found.push_back(column->name + ": how its texts were drawn is not said");
  }
  return found;
}

Json unsaid(const MetricColumn& x, const MetricColumn& y) {
  Json found = Json::array();
  const auto note = [&](const char* what, const std::string& a, const std::string& b) {
    if (a.empty() || b.empty()) found.push_back(what);
  };
  note("protected group", x.group, y.group);
  note("notion", x.notion, y.notion);
  note("data", x.data, y.data);
  return found;
}

void put_bootstrap(const MetricTable& table, const PairValues& values, const std::optional<double>& reliability,
                   const CorrelateQuestion& question, Json& ci) {
  if (question.resamples == 0) return;
  const auto units = resampling_units(table, values);
  const std::vector<stats::Stratum> strata = {stats::whole_sample(units.size())};
  const auto found = stats::bootstrap_many(
      strata, 3,
      [&](std::span<const std::uint32_t> drawn, std::span<std::optional<double>> into) {
        std::vector<double> a, b;
        for (const std::uint32_t unit : drawn) {
          for (const std::size_t i : units[unit]) {
            a.push_back(values.a[i]);
            b.push_back(values.b[i]);
          }
        }
        const stats::Correlation again = stats::correlate(a, b);
        into[0] = again.pearson;
        into[1] = again.spearman;
        into[2] = again.kendall_b;
      },
      {.resamples = question.resamples, .confidence = question.confidence, .seed = question.seed});
  const char* names[] = {"pearson_bootstrap", "spearman_bootstrap", "kendall_b"};
  for (std::size_t k = 0; k < 3; ++k) {
    if (found[k].ci) ci[names[k]] = {found[k].ci->low, found[k].ci->high};
  }
  // Reliabilities are taken as known: the interval is that of r, stretched.
  if (reliability && found[0].ci) ci["pearson_corrected"] = {found[0].ci->low / *reliability, found[0].ci->high / *reliability};
}

/// A pair's figures; its p-values are corrected once all are there.
Json pair_result(const MetricTable& table, std::size_t x, std::size_t y, const CorrelateQuestion& question) {
  const PairValues values = values_of(table, x, y);
  const bool few = values.a.size() < kFewestModels;
  const stats::Correlation found = few ? stats::Correlation{} : stats::correlate(values.a, values.b, question.confidence);
  const std::string reason = few ? fmt::format("fewer than {} models have both", kFewestModels) : found.reason;
  Json result = {{"x", table.columns[x].name}, {"y", table.columns[y].name}};
  put(result, "pearson", found.pearson, reason);
  put(result, "spearman", found.spearman, reason);
  put(result, "kendall_b", found.kendall_b, reason);
  result["n"] = values.a.size();
  result["left_out"] = values.left_out;
  Json ci = Json::object(), p = Json::object();
  const auto rel_x = reliability_of(table, x, question), rel_y = reliability_of(table, y, question);
  if (rel_x || rel_y) {
    result["reliability"] = {{"x", rel_x ? Json(*rel_x) : Json()}, {"y", rel_y ? Json(*rel_y) : Json()}};
  }
  if (found.pearson) {
    if (found.pearson_ci) ci["pearson"] = {found.pearson_ci->low, found.pearson_ci->high};
    if (found.spearman_ci) ci["spearman"] = {found.spearman_ci->low, found.spearman_ci->high};
    if (found.pearson_p) p["pearson"] = *found.pearson_p;
    if (found.spearman_p) p["spearman"] = *found.spearman_p;
    if (found.kendall_p) p["kendall_b"] = *found.kendall_p;
    std::optional<double> both;
    if (rel_x && rel_y && *rel_x > 0 && *rel_y > 0) {
      both = std::sqrt(*rel_x * *rel_y);
      result["pearson_corrected"] = *found.pearson / *both;
    }
    put_bootstrap(table, values, both, question, ci);
    const auto test = stats::equivalence_of_correlation(*found.pearson, found.n, kNoCorrelation, kLevel);
    if (test) p["equivalence"] = test->p_value;
  }
  result["ci"] = ci;
  result["p"] = p;
  result["misaligned"] = misalignments(table.columns[x], table.columns[y]);
  result["unsaid"] = unsaid(table.columns[x], table.columns[y]);
  return result;
}

std::string verdict_of(const Json& result) {
  if (!result["pearson"].is_number()) return "none: " + result["pearson_reason"].get<std::string>();
  const Json reliabilities = result.value("reliability", Json::object());
  for (const auto& [which, reliability] : reliabilities.items()) {
    if (reliability.is_number() && reliability.get<double>() < kLeastReliability) {
      return fmt::format("none: the reliability of {} is below {:g}", result[which].get<std::string>(), kLeastReliability);
    }
  }
  const auto n = result["n"].get<std::uint64_t>();
  if (n < kLeastForVerdict) return fmt::format("none: {} models, at least {} are needed", n, kLeastForVerdict);
  const Json& p = result["p"];
  if (p.contains("pearson_holm") && p["pearson_holm"].get<double>() < kLevel) return "correlated";
  if (p.contains("equivalence") && p["equivalence"].get<double>() < kLevel) return "no correlation";
  return "undecided";
}

void correct_p_values(Json& results) {
  std::vector<double> p_values;
  std::vector<Json*> tested;
  for (Json& result : results) {
    if (!result["p"].contains("pearson")) continue;
    p_values.push_back(result["p"]["pearson"].get<double>());
    tested.push_back(&result);
  }
  const std::vector<double> holm = stats::holm(p_values), fdr = stats::benjamini_hochberg(p_values);
  for (std::size_t i = 0; i < tested.size(); ++i) {
    (*tested[i])["p"]["pearson_holm"] = holm[i];
    (*tested[i])["p"]["pearson_benjamini_hochberg"] = fdr[i];
  }
}

std::vector<std::pair<std::size_t, std::size_t>> pairs_of(const MetricTable& table, const CorrelateQuestion& question) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  for (const std::string& x : question.x) {
    for (const std::string& y : question.y) pairs.emplace_back(table.place(x), table.place(y));
  }
  if (!question.x.empty()) return pairs;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    for (std::size_t j = i + 1; j < table.columns.size(); ++j) pairs.emplace_back(i, j);
  }
  return pairs;
}

/// What is said of a metric holds for the column that repeats it, unless that one is named too.
void orient_repeats(const CorrelateQuestion& question, MetricTable& table) {
  const auto said = [&](const std::string& name) {
    return std::ranges::find(question.flip, name) != question.flip.end() ||
           std::ranges::any_of(question.neutral, [&](const auto& one) { return one.first == name; });
  };
  for (const auto& [name, repeat] : question.repeat) {
    if (!said(name) || said(repeat)) continue;
    MetricColumn &first = table.columns[table.place(name)], &second = table.columns[table.place(repeat)];
    second.direction = first.direction;
    second.neutral = first.neutral;
  }
}

void orient_columns(const CorrelateQuestion& question, MetricTable& table) {
  for (const std::string& name : question.flip) table.columns[table.place(name)].direction = MetricDirection::kLessIsBiased;
  for (const auto& [name, neutral] : question.neutral) {
    MetricColumn& column = table.columns[table.place(name)];
    column.direction = MetricDirection::kDistance;
    column.neutral = neutral;
  }
  orient_repeats(question, table);
  if (!question.about.empty()) {
    tell_columns(question.about, table);
    table.inputs.push_back(core::describe_input("columns", question.about));
  }
}

void write_picture(const std::filesystem::path& path, const Json& results) {
  std::vector<std::string> names;
  std::map<std::string, std::size_t> places;
  for (const Json& result : results) {
    for (const char* which : {"x", "y"}) {
      if (places.emplace(result[which].get<std::string>(), names.size()).second) names.push_back(result[which].get<std::string>());
    }
  }
  std::vector<std::optional<double>> values(names.size() * names.size());
  for (std::size_t i = 0; i < names.size(); ++i) values[i * names.size() + i] = 1;
  for (const Json& result : results) {
    if (!result["pearson"].is_number()) continue;
    const std::size_t x = places[result["x"].get<std::string>()], y = places[result["y"].get<std::string>()];
    values[x * names.size() + y] = values[y * names.size() + x] = result["pearson"].get<double>();
  }
  core::write_file_atomically(path, internal::heat_map(names, values, "Pearson's r, larger values more biased"));
}

const char* direction_name(MetricDirection direction) {
  return direction == MetricDirection::kDistance ? "distance" : direction == MetricDirection::kLessIsBiased ? "less" : "more";
}

Json column_json(const MetricColumn& column) {
  Json json = {{"name", column.name}, {"direction", direction_name(column.direction)}};
  if (column.direction == MetricDirection::kDistance) json["neutral"] = column.neutral;
  for (const auto& [key, value] : {std::pair{"family", &column.family}, {"group", &column.group}, {"notion", &column.notion},
                                   {"word_list", &column.word_list}, {"data", &column.data}}) {
    if (!value->empty()) json[key] = *value;
  }
  return json;
}

Json correlations_of(MetricTable table, const CorrelateQuestion& question) {
  if (question.x.empty() != question.y.empty()) {
    throw usage_error("--x and --y go together", "Leave both out to correlate every column with every other.");
  }
  orient_columns(question, table);
  const auto pairs = pairs_of(table, question);
  if (pairs.empty()) throw bad_data("fewer than two metrics to correlate", "Name columns of numbers with --x and --y.");
  core::DocumentStart start;
  start.schema = "discreet.fairness.correlate/1";
  start.configuration = {{"x", question.x}, {"y", question.y}, {"flip", question.flip}, {"neutral", question.neutral},
                         {"repeat", question.repeat}, {"family", question.family}, {"confidence", question.confidence},
                         {"resamples", question.resamples}, {"seed", question.seed}};
  start.inputs = table.inputs;
  Json document = core::make_document(start);
  std::uint64_t least = table.models.size();
  for (const auto& [x, y] : pairs) {
    document["results"].push_back(pair_result(table, x, y, question));
    least = std::min(least, document["results"].back()["n"].get<std::uint64_t>());
  }
  correct_p_values(document["results"]);
  for (Json& result : document["results"]) result["verdict"] = verdict_of(result);
  document["columns"] = Json::array();
  for (const MetricColumn& column : table.columns) document["columns"].push_back(column_json(column));
  document["caveats"] = {
      "p-values are for no association, two-sided; pearson_holm and pearson_benjamini_hochberg are corrected for all pairs of this document.",
      "A correlation over models says how metrics go together over these models alone; models of one family are not independent."};
  if (least < kLeastForVerdict) {
    document["caveats"].push_back(fmt::format(
        "With {} rows a true correlation of .3 is missed more often than not: the absence of one cannot be concluded below {} rows, "
        "and hardly there.",
        least, kLeastForVerdict));
  }
  const bool misaligned = std::any_of(document["results"].begin(), document["results"].end(),
                                      [](const Json& result) { return !result["misaligned"].empty(); });
  if (misaligned) document["caveats"].push_back("Some pairs are about different groups, notions, word lists or data: see misaligned.");
  if (!question.picture.empty()) write_picture(question.picture, document["results"]);
  return document;
}

}  // namespace

Json correlations_of_table(const std::filesystem::path& path, const CorrelateQuestion& question) {
  std::vector<std::string> names;
  if (!question.x.empty() && !question.y.empty()) {
    const auto add = [&](const std::string& name) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const auto* list : {&question.x, &question.y, &question.flip}) std::for_each(list->begin(), list->end(), add);
    for (const auto& [name, neutral] : question.neutral) add(name);
    for (const auto& [name, repeat] : question.repeat) {
      add(name);
      add(repeat);
    }
  }
  return correlations_of(metric_table_of_file(path, names, question.family), question);
}

Json correlations_of_runs(const std::vector<std::filesystem::path>& runs, const CorrelateQuestion& question) {
  MetricTable table = metric_table_of_runs(runs);
  if (table.columns.empty()) {
    throw bad_data("the runs have no documents of fairness", "Measure them first: fairness association, likelihood, groups, generation or sensitivity.");
  }
  return correlations_of(std::move(table), question);
}

}  // namespace discreet::app
