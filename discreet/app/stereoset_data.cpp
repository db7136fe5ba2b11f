#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "discreet/app/likelihood_data.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

std::string text_member(const Json& object, const char* key, const std::string& where) {
  if (object.is_object() && object.contains(key) && object[key].is_string()) return object[key].get<std::string>();
  throw bad_data(fmt::format("{}: no text '{}'", where, key), "The file may be cut short, or of another benchmark.");
}

/// Texts are empty where they need not be there.
StereoItem item_of(const Json& entry, const std::string& split, const std::string& where, bool need_texts) {
  StereoItem item{split, text_member(entry, "bias_type", where), text_member(entry, "target", where), "", {}, {}};
  if (need_texts) item.context = text_member(entry, "context", where);
  if (!entry.contains("sentences") || !entry["sentences"].is_array() || entry["sentences"].size() != 3) {
    throw bad_data(where + ": expected three sentences", "One each: stereotype, anti-stereotype, unrelated.");
  }
  const std::array<std::string, 3> labels = {"stereotype", "anti-stereotype", "unrelated"};
  for (const Json& sentence : entry["sentences"]) {
    const std::string label = text_member(sentence, "gold_label", where);
    const auto place = std::find(labels.begin(), labels.end(), label);
    if (place == labels.end()) throw bad_data(fmt::format("{}: unknown label '{}'", where, label));
    const auto which = static_cast<std::size_t>(place - labels.begin());
    std::string& id = item.ids[which];
    if (!id.empty()) throw bad_data(fmt::format("{}: two sentences with the label '{}'", where, label));
    id = text_member(sentence, "id", where);
    if (need_texts) item.sentences[which] = text_member(sentence, "sentence", where);
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

}  // namespace

std::vector<StereoItem> read_stereoset(const fs::path& path, bool need_texts) {
  std::vector<StereoItem> items;
  for (const auto& [value, where] : values_of(path)) {
    const Json& data = value.is_object() && value.contains("data") ? value["data"] : value;
    if (data.is_object() && data.contains("sentences")) {
      items.push_back(item_of(data, text_member(data, "type", where), where, need_texts));
      continue;
    }
    if (!data.is_object()) throw bad_data(where + ": expected an example or the benchmark's JSON object");
    for (const auto& [split, entries] : data.items()) {
      if (!entries.is_array()) throw bad_data(fmt::format("{}: '{}' is no list of examples", where, split));
      for (std::size_t i = 0; i < entries.size(); ++i) {
        items.push_back(item_of(entries[i], split, fmt::format("{}: {}[{}]", where, split, i), need_texts));
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

std::map<std::string, double> read_sentence_scores(const fs::path& path) {
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

}  // namespace discreet::app
