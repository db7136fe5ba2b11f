#include "discreet/app/intersectional.h"

#include <map>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/word_vectors.h"
#include "discreet/stats/intersectional.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {

std::vector<std::string> string_list(const Json& value, const std::string& where) {
  if (!value.is_array() || value.empty()) throw bad_data(where + " is no list of words");
  std::vector<std::string> words;
  for (const Json& word : value) {
    if (!word.is_string()) throw bad_data(where + " holds something else than words");
    words.push_back(word.get<std::string>());
  }
  return words;
}

/// The question's lists and the vectors of their words.
class GroupVectors {
 public:
  GroupVectors(const std::filesystem::path& vectors, const std::filesystem::path& question, bool lowercase)
      : origin_(question.string()), lowercase_(lowercase), json_(core::parse_json(core::read_file(question), origin_)) {
    for (const char* key : {"groups", "group", "words"}) {
      if (!json_.is_object() || !json_.contains(key)) {
        throw bad_data(fmt::format("{}: no \"{}\"", origin_, key), "See `discreet fairness association --help`.");
      }
    }
    if (!json_["groups"].is_object()) throw bad_data(origin_ + ": \"groups\" is no object of lists");
    for (const auto& [name, words] : json_["groups"].items()) groups_[name] = string_list(words, fmt::format("{}: group '{}'", origin_, name));
    candidates_ = string_list(json_["words"], origin_ + ": \"words\"");
    std::set<std::string> wanted;
    for (const auto& [name, words] : groups_) {
      for (const std::string& word : words) wanted.insert(key_of(word));
    }
    for (const std::string& word : candidates_) wanted.insert(key_of(word));
    vectors_ = formats::read_word_vectors(vectors, {.wanted = [&](const std::string& word) { return wanted.count(word) > 0; }});
    index_ = vectors_.index();
  }

  const Json& json() const { return json_; }
  const std::map<std::string, std::vector<std::string>>& groups() const { return groups_; }
  const std::vector<std::string>& lost() const { return lost_; }

  /// The vectors of several groups together.
  stats::WordSet of_groups(const std::vector<std::string>& names) {
    stats::WordSet set{vectors_.dimension, {}};
    for (const std::string& name : names) {
      const auto words = groups_.find(name);
      if (words == groups_.end()) throw bad_data(fmt::format("{}: no group '{}'", origin_, name));
      for (const std::string& word : words->second) add(word, set);
    }
    if (set.size() == 0) throw bad_data(fmt::format("{}: no word of {} has a vector", origin_, fmt::join(names, ", ")));
    return set;
  }
  stats::WordSet candidates(std::vector<std::string>& found) {
    stats::WordSet set{vectors_.dimension, {}};
    for (const std::string& word : candidates_) {
      if (add(word, set)) found.push_back(word);
    }
    return set;
  }

 private:
  std::string key_of(const std::string& word) const { return lowercase_ ? text::lowercase(word) : word; }
  bool add(const std::string& word, stats::WordSet& set) {
    const auto place = index_.find(key_of(word));
    if (place == index_.end()) {
      if (noted_.insert(word).second) lost_.push_back(word);
      return false;
    }
    const auto row = vectors_.row(place->second);
    set.values.insert(set.values.end(), row.begin(), row.end());
    return true;
  }

  std::string origin_;
  bool lowercase_;
  Json json_;
  std::map<std::string, std::vector<std::string>> groups_;
  std::vector<std::string> candidates_, lost_;
  std::set<std::string> noted_;
  formats::WordVectors vectors_;
  std::unordered_map<std::string, std::size_t> index_;
};

Json effects_json(const std::vector<std::optional<double>>& effects) {
  Json list = Json::array();
  for (const auto& effect : effects) list.push_back(effect ? Json(*effect) : Json());
  return list;
}

}  // namespace

Json intersectional_of_vectors(const std::filesystem::path& vectors, const std::filesystem::path& question,
                               double threshold, bool lowercase) {
  GroupVectors groups(vectors, question, lowercase);
  const Json& asked = groups.json();
  if (!asked["group"].is_string()) throw bad_data(question.string() + ": \"group\" is no name");
  const std::string own = asked["group"].get<std::string>();
  std::vector<stats::GroupContrast> intersectional, constituents;
  std::vector<std::string> others;
  for (const auto& [name, words] : groups.groups()) {
    if (name == own) continue;
    others.push_back(name);
    intersectional.push_back({groups.of_groups({own}), groups.of_groups({name})});
  }
  if (intersectional.empty()) throw bad_data(question.string() + ": there is no other group than '" + own + "'");
  for (const Json& pair : asked.value("constituents", Json::array())) {
    if (!pair.is_object() || !pair.contains("group") || !pair.contains("other")) {
      throw bad_data(question.string() + ": a constituent needs \"group\" and \"other\", lists of groups");
    }
    constituents.push_back({groups.of_groups(string_list(pair["group"], question.string() + ": constituent")),
                            groups.of_groups(string_list(pair["other"], question.string() + ": constituent"))});
  }
  std::vector<std::string> words;
  const stats::WordSet candidates = groups.candidates(words);
  core::DocumentStart start;
  start.schema = "discreet.fairness.intersectional/1";
  start.configuration = {{"group", own}, {"others", others}, {"threshold", threshold}, {"lowercase", lowercase}};
  start.inputs = {core::describe_input("vectors", vectors), core::describe_input("question", question)};
  Json document = core::make_document(start);
  const auto biases = stats::intersectional_bias(candidates, intersectional, constituents, threshold);
  for (std::size_t i = 0; i < biases.size(); ++i) {
    document["results"].push_back({{"word", words[i]},
                                   {"intersectional", biases[i].biased},
                                   {"emergent", biases[i].emergent},
                                   {"effect_sizes", effects_json(biases[i].intersectional)},
                                   {"constituent_effect_sizes", effects_json(biases[i].constituent)}});
  }
  document["n"] = biases.size();
  document["lost"] = groups.lost();
  document["caveats"] = {
      "A word is called intersectional if its effect size for the group is above the threshold against every other group, emergent if "
      "besides no constituent group's is. The threshold is a choice, not a test; by itself none of this has an error rate.",
      "Effect sizes divide by the spread of the word's own cosines (n - 1); 0 is unbiased."};
  if (constituents.empty()) document["caveats"].push_back("Without constituents every intersectional word is called emergent.");
  return document;
}

}  // namespace discreet::app
