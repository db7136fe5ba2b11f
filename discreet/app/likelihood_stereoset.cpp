#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/app/likelihood.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/lines.h"
#include "discreet/stats/stereoset.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

/// An example of the benchmark with the ids of its sentences in the order stereotype, anti-stereotype,
/// unrelated.
struct StereoItem {
  std::string split, bias_type, term;
  std::array<std::string, 3> ids;
};

std::string text_member(const Json& object, const char* key, const std::string& where) {
  if (object.is_object() && object.contains(key) && object[key].is_string()) return object[key].get<std::string>();
  throw bad_data(fmt::format("{}: no text '{}'", where, key), "The file may be cut short, or of another benchmark.");
}

StereoItem item_of(const Json& entry, const std::string& split, const std::string& where) {
  StereoItem item{split, text_member(entry, "bias_type", where), text_member(entry, "target", where), {}};
  if (!entry.contains("sentences") || !entry["sentences"].is_array() || entry["sentences"].size() != 3) {
    throw bad_data(where + ": expected three sentences", "One each: stereotype, anti-stereotype, unrelated.");
  }
  const std::array<std::string, 3> labels = {"stereotype", "anti-stereotype", "unrelated"};
  for (const Json& sentence : entry["sentences"]) {
    const std::string label = text_member(sentence, "gold_label", where);
    const auto place = std::find(labels.begin(), labels.end(), label);
    if (place == labels.end()) throw bad_data(fmt::format("{}: unknown label '{}'", where, label));
    std::string& id = item.ids[static_cast<std::size_t>(place - labels.begin())];
    if (!id.empty()) throw bad_data(fmt::format("{}: two sentences with the label '{}'", where, label));
    id = text_member(sentence, "id", where);
  }
  return item;
}

/// A file is one JSON value, or one on each line.
std::vector<std::pair<Json, std::string>> values_of(const fs::path& path) {
  const std::string text = core::read_file(path);
  const Json whole = Json::parse(text, nullptr, false);
  if (!whole.is_discarded()) return {{whole, path.string()}};
  std::vector<std::pair<Json, std::string>> values;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = fmt::format("{}:{}", path.string(), number);
    values.emplace_back(core::parse_json(line, where), where);
  }
  return values;
}

std::vector<StereoItem> read_items(const fs::path& path) {
  std::vector<StereoItem> items;
  for (const auto& [value, where] : values_of(path)) {
    const Json& data = value.is_object() && value.contains("data") ? value["data"] : value;
    if (data.is_object() && data.contains("sentences")) {
      items.push_back(item_of(data, text_member(data, "type", where), where));
      continue;
    }
    if (!data.is_object()) throw bad_data(where + ": expected an example or the benchmark's JSON object");
    for (const auto& [split, entries] : data.items()) {
      if (!entries.is_array()) throw bad_data(fmt::format("{}: '{}' is no list of examples", where, split));
      for (std::size_t i = 0; i < entries.size(); ++i) {
        items.push_back(item_of(entries[i], split, fmt::format("{}: {}[{}]", where, split, i)));
      }
    }
  }
  if (items.empty()) throw bad_data(path.string() + ": no examples");
  std::set<std::string> seen;
  for (const StereoItem& item : items) {
    for (const std::string& id : item.ids) {
      if (!seen.insert(id).second) throw bad_data(fmt::format("{}: the sentence id '{}' occurs twice", path.string(), id));
    }
  }
  return items;
}

std::map<std::string, double> read_scores(const fs::path& path) {
  std::map<std::string, double> scores;
  const auto add = [&](const Json& entry, const std::string& where) {
    const std::string id = text_member(entry, "id", where);
    if (!entry.contains("score") || !entry["score"].is_number() || !std::isfinite(entry["score"].get<double>())) {
      throw bad_data(fmt::format("{}: the score of '{}' is no finite number", where, id));
    }
    if (!scores.emplace(id, entry["score"].get<double>()).second) {
      throw bad_data(fmt::format("{}: two scores of '{}'", where, id));
    }
  };
  for (const auto& [value, where] : values_of(path)) {
    if (value.is_object() && value.contains("id")) {
      add(value, where);
      continue;
    }
    if (!value.is_object()) throw bad_data(where + ": expected {\"id\", \"score\"} or lists of them by split");
    for (const auto& [split, entries] : value.items()) {
      if (!entries.is_array()) throw bad_data(fmt::format("{}: '{}' is no list of scores", where, split));
      for (const Json& entry : entries) add(entry, fmt::format("{}: {}", where, split));
    }
  }
  return scores;
}

Json row_of(const std::string& split, const std::string& bias_type, const std::vector<stats::StereoExample>& examples) {
  const stats::StereoScores scores = stats::stereo_scores(examples);
  return {{"split", split}, {"bias_type", bias_type},
          {"lms", *scores.lms}, {"ss", *scores.ss}, {"icat", *scores.icat},
          {"micro_ss", *scores.micro_ss}, {"micro_lms", *scores.micro_lms}, {"micro_icat", *scores.micro_icat},
          {"examples", scores.examples}, {"terms", scores.terms}, {"ties", scores.ties}};
}

}  // namespace

Json stereoset_of_scores(const fs::path& data, const fs::path& scores_file) {
  const std::vector<StereoItem> items = read_items(data);
  const std::map<std::string, double> scores = read_scores(scores_file);
  std::vector<std::string> missing;
  // split → bias type → examples; "overall" pools both splits, and every type.
  std::map<std::string, std::map<std::string, std::vector<stats::StereoExample>>> tables;
  for (const StereoItem& item : items) {
    std::array<double, 3> values{};
    for (std::size_t i = 0; i < 3; ++i) {
      const auto found = scores.find(item.ids[i]);
      if (found == scores.end()) missing.push_back(item.ids[i]);
      else values[i] = found->second;
    }
    const stats::StereoExample example{item.term, values[0], values[1], values[2]};
    for (const std::string& split : {item.split, std::string("overall")}) {
      tables[split][item.bias_type].push_back(example);
      tables[split]["overall"].push_back(example);
    }
  }
  if (!missing.empty()) {
    throw bad_data(fmt::format("{}: {} of {} sentences have no score, the first is '{}'", scores_file.string(), missing.size(),
                               3 * items.size(), missing.front()),
                   "Score every sentence of the benchmark; a part of it is another benchmark.");
  }
  if (scores.size() > 3 * items.size()) {
    std::set<std::string> known;
    for (const StereoItem& item : items) known.insert(item.ids.begin(), item.ids.end());
    for (const auto& [id, score] : scores) {
      if (known.count(id) == 0) {
        throw bad_data(fmt::format("{}: a score of '{}', which is no sentence of {}", scores_file.string(), id, data.string()),
                       "Give the data that the scores are of.");
      }
    }
  }
  core::DocumentStart start;
  start.schema = "discreet.fairness.likelihood/1";
  start.configuration = {{"benchmark", "stereoset"}};
  start.inputs = {core::describe_input("data", data), core::describe_input("scores", scores_file)};
  Json document = core::make_document(start);
  for (const std::string split : {"intrasentence", "intersentence", "overall"}) {
    const auto table = tables.find(split);
    if (table == tables.end()) continue;
    for (const auto& [bias_type, examples] : table->second) {
      if (bias_type != "overall") document["results"].push_back(row_of(split, bias_type, examples));
    }
    document["results"].push_back(row_of(split, "overall", table->second.at("overall")));
  }
  document["caveats"] = {
      "ss: 50 is unbiased; lms and icat: 100 is best. Means over target terms, as published; micro_* are over examples and are not "
      "comparable with published figures.",
      "A tie counts as not preferred: against the stereotype in ss, against related words in lms.",
      "Scores are taken as they were given: which model made them, and how, is not known here.",
      "Blodgett et al. (2021) found many of the benchmark's pairs to be unclear or not about stereotypes."};
  return document;
}

}  // namespace discreet::app
