#include "discreet/app/metric_table.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/files.h"
#include "discreet/core/run_dir.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

/// Empty cells aside, a column of numbers; names of models are none.
bool is_numeric(const Table& table, const std::string& name) {
  bool any = false;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.column(name)[row].empty()) continue;
    if (!table.is_number(row, name)) return false;
    any = true;
  }
  return any;
}

/// One metric of a document.
struct FoundMetric {
  MetricColumn column;
  double value = 0;
};

std::string input_hash(const Json& document, const char* role) {
  for (const Json& input : document.value("inputs", Json::array())) {
    if (input.value("role", "") == role) return input.value("sha256", "");
  }
  return "";
}

std::string text_or(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}

void add_associations(const Json& document, std::vector<FoundMetric>& found) {
  for (const Json& result : document["results"]) {
    if (!result.contains("effect_size") || !result["effect_size"].is_number()) continue;
    MetricColumn column{.name = text_or(result, "test"), .direction = MetricDirection::kDistance, .family = "intrinsic"};
    if (text_or(result, "method") == "ceat") column.name = "ceat " + column.name;
    const Json sets = result.value("sets", Json::object());
    for (const char* set : {"X", "Y", "A", "B"}) {
      if (!sets.contains(set)) continue;
      column.word_list += sets[set].value("sha256", "").substr(0, 12);
      column.notion += (column.notion.empty() ? "" : ", ") + sets[set].value("name", "");
    }
    column.data = input_hash(document, "corpus");
    found.push_back({column, result["effect_size"].get<double>()});
  }
}

void add_likelihoods(const Json& document, std::vector<FoundMetric>& found) {
  const std::string benchmark = document["configuration"].value("benchmark", "likelihood");
  for (const Json& result : document["results"]) {
    const std::string split = text_or(result, "split"), type = text_or(result, "bias_type");
    if (split == "template") continue;
    for (const auto& [key, neutral] : {std::pair{"ss", 50.0}, {"score", 50.0}, {"lpbs", 0.0}, {"bias_score", 0.0}}) {
      if (!result.contains(key) || !result[key].is_number()) continue;
      std::string name = benchmark;
      if (split != "all") name += " " + split;
      name += " " + type;
      if (result.contains("group")) name += " " + text_or(result, "group");
      MetricColumn column{.name = name + " " + key, .direction = MetricDirection::kDistance, .neutral = neutral, .family = "intrinsic"};
      column.group = type == "overall" ? "" : type;
      column.data = input_hash(document, "data");
      found.push_back({column, result[key].get<double>()});
    }
  }
}

void add_groups(const Json& document, std::vector<FoundMetric>& found) {
  const auto groups = document["configuration"].value("group", std::vector<std::string>{});
  for (const Json& result : document["results"]) {
    if (!result["value"].is_number()) continue;
    const std::string metric = text_or(result, "metric");
    MetricColumn column{.name = metric, .family = "extrinsic"};
    if (result.contains("class")) column.name += " " + text_or(result, "class");
    if (result.contains("over")) column.name += " over " + text_or(result, "over");
    if (metric.find("_ratio") != std::string::npos) {
      column.direction = MetricDirection::kDistance;
      column.neutral = 1;
    } else if (metric.find("auc_power_mean") != std::string::npos || metric == "unintended_bias_score") {
      column.direction = MetricDirection::kLessIsBiased;
    } else if (metric == "average_odds_difference") {
      column.direction = MetricDirection::kDistance;
    }
    column.group = fmt::format("{}", fmt::join(groups, ", "));
    if (result.contains("over")) column.group = fmt::format("{}", fmt::join(document["configuration"].value("identity", std::vector<std::string>{}), ", "));
    column.data = input_hash(document, "test");
    found.push_back({column, result["value"].get<double>()});
  }
}

void add_sensitivities(const Json& document, std::vector<FoundMetric>& found) {
  for (const Json& result : document["results"]) {
    if (!result["value"].is_number()) continue;
    MetricColumn column{.name = "sensitivity " + text_or(result, "weights"), .family = "extrinsic"};
    column.data = input_hash(document, "test");
    column.word_list = input_hash(document, "weights").substr(0, 12);
    found.push_back({column, result["value"].get<double>()});
  }
}

void add_generations(const Json& document, std::vector<FoundMetric>& found) {
  const Json& configuration = document["configuration"];
  for (const Json& result : document["results"]) {
    const std::string group = text_or(result, "group"), metric = text_or(result, "metric");
    const bool whole = group == "largest difference" || (group == "overall" && metric != "neutrality");
    if (!whole || !result["value"].is_number()) continue;
    MetricColumn column{.name = "generation " + metric, .family = "extrinsic"};
    if (result.contains("class")) column.name += " " + text_or(result, "class");
    if (!text_or(result, "domain").empty()) column.name += " " + text_or(result, "domain");
    column.data = configuration.value("prompts_sha256", input_hash(document, "generations"));
    column.lacks_sampling = !configuration.contains("sample");
    found.push_back({column, result["value"].get<double>()});
  }
}

std::vector<FoundMetric> metrics_of_document(const Json& document) {
  std::vector<FoundMetric> found;
  const std::string schema = document.value("schema", "");
  if (!document.contains("results") || !document.contains("configuration")) return found;
  if (schema == "discreet.fairness.association/1") add_associations(document, found);
  if (schema == "discreet.fairness.likelihood/1") add_likelihoods(document, found);
  if (schema == "discreet.fairness.groups/1") add_groups(document, found);
  if (schema == "discreet.fairness.sensitivity/1") add_sensitivities(document, found);
  if (schema == "discreet.fairness.generation/1") add_generations(document, found);
  return found;
}

/// A run's documents, oldest first.
std::vector<fs::path> audits_of(const fs::path& run) {
  std::vector<fs::path> files;
  if (fs::exists(run / "audits")) {
    for (const auto& entry : fs::directory_iterator(run / "audits")) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    const auto x = fs::last_write_time(a), y = fs::last_write_time(b);
    return x != y ? x < y : a < b;
  });
  return files;
}

}  // namespace

std::size_t MetricTable::place(const std::string& name) const {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].name == name) return c;
    names.push_back(columns[c].name);
  }
  const auto near = core::nearest(name, names);
  throw usage_error(fmt::format("no metric '{}'; there are {}", name, fmt::join(names, ", ")),
                    near ? fmt::format("Did you mean '{}'?", *near) : "Name one of these.");
}

MetricTable metric_table_of_file(const fs::path& path, const std::vector<std::string>& names, const std::string& family) {
  std::vector<std::string> read = names.empty() ? table_columns(path) : names;
  if (!family.empty() && std::find(read.begin(), read.end(), family) == read.end()) read.push_back(family);
  const Table table = read_table(path, read);
  MetricTable metrics;
  metrics.inputs = {core::describe_input("table", path)};
  if (!family.empty()) metrics.families = table.column(family);
  for (std::size_t row = 0; row < table.rows(); ++row) metrics.models.push_back(table.where(row));
  for (const std::string& name : table.names) {
    if (name == family) continue;
    if (names.empty() && !is_numeric(table, name)) continue;
    metrics.columns.push_back({.name = name});
    auto& values = metrics.values.emplace_back();
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (table.column(name)[row].empty()) values.emplace_back();
      else values.emplace_back(table.number(row, name));
    }
  }
  return metrics;
}

MetricTable metric_table_of_runs(const std::vector<fs::path>& runs) {
  MetricTable metrics;
  std::map<std::string, std::size_t> places;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    core::RunDir::open(runs[r]);  // refuses what is none
    metrics.models.push_back(runs[r].string());
    for (const fs::path& file : audits_of(runs[r])) {
      for (const FoundMetric& metric : metrics_of_document(core::read_document(file))) {
        const auto [place, fresh] = places.emplace(metric.column.name, metrics.columns.size());
        if (fresh) {
          metrics.columns.push_back(metric.column);
          metrics.values.emplace_back();
        }
        MetricColumn& column = metrics.columns[place->second];
        // Runs that were measured on different data or words are no table of one metric.
        if (column.data != metric.column.data || column.word_list != metric.column.word_list) {
          throw bad_data(fmt::format("{}: '{}' was measured on other data or word lists than in {}", file.string(), column.name, runs.front().string()),
                         "Measure all runs in the same way, or give a table.");
        }
        auto& values = metrics.values[place->second];
        values.resize(runs.size());
        values[r] = metric.value;
      }
      metrics.inputs.push_back(core::describe_input("audit", file));
    }
  }
  for (auto& values : metrics.values) values.resize(runs.size());
  return metrics;
}

void tell_columns(const fs::path& path, MetricTable& table) {
  const Json about = core::parse_json(core::read_file(path), path.string());
  if (!about.is_object()) throw bad_data(path.string() + ": expected an object with a member for each column");
  for (const auto& [name, told] : about.items()) {
    MetricColumn& column = table.columns[table.place(name)];
    if (!told.is_object()) throw bad_data(fmt::format("{}: '{}' is no object", path.string(), name));
    for (const auto& [key, value] : told.items()) {
      const auto text = [&, &key = key, &value = value] {
        if (!value.is_string()) throw bad_data(fmt::format("{}: '{}' of '{}' is no text", path.string(), key, name));
        return value.get<std::string>();
      };
      if (key == "direction") {
        const std::string direction = text();
        if (direction != "more" && direction != "less" && direction != "distance") {
          throw bad_data(fmt::format("{}: direction '{}' of '{}'", path.string(), direction, name), "Write more, less or distance.");
        }
        column.direction = direction == "more"   ? MetricDirection::kMoreIsBiased
                           : direction == "less" ? MetricDirection::kLessIsBiased
                                                 : MetricDirection::kDistance;
      } else if (key == "neutral") {
        if (!value.is_number()) throw bad_data(fmt::format("{}: 'neutral' of '{}' is no number", path.string(), name));
        column.neutral = value.get<double>();
        if (!told.contains("direction")) column.direction = MetricDirection::kDistance;
      } else if (key == "family") column.family = text();
      else if (key == "group") column.group = text();
      else if (key == "notion") column.notion = text();
      else if (key == "word_list") column.word_list = text();
      else if (key == "data") column.data = text();
      else {
        throw usage_error(fmt::format("{}: '{}' says '{}' of a column", path.string(), name, key),
                          "Known: direction, neutral, family, group, notion, word_list, data.");
      }
    }
  }
}

double oriented(const MetricColumn& column, double value) {
  switch (column.direction) {
    case MetricDirection::kLessIsBiased: return -value;
    case MetricDirection::kDistance: return std::abs(value - column.neutral);
    case MetricDirection::kMoreIsBiased: break;
  }
  return value;
}

}  // namespace discreet::app
