#include "discreet/app/likelihood_data.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/lines.h"
#include "discreet/text/unicode.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

const Json& member(const Json& object, const char* key, const std::string& where) {
  if (!object.is_object() || !object.contains(key)) {
    throw bad_data(fmt::format("{}: no '{}'", where, key), "The file may be cut short, or of another benchmark.");
  }
  return object[key];
}

std::string text_of(const Json& object, const char* key, const std::string& where) {
  const Json& value = member(object, key, where);
  if (!value.is_string()) throw bad_data(fmt::format("{}: '{}' is no text", where, key));
  return value.get<std::string>();
}

/// A word, or a list of them.
std::vector<std::string> words_of(const Json& value, const std::string& where) {
  std::vector<std::string> words;
  const auto add = [&](const Json& word) {
    if (!word.is_string() || word.get<std::string>().empty()) throw bad_data(where + ": a word is no text");
    words.push_back(word.get<std::string>());
  };
  if (value.is_array()) {
    for (const Json& word : value) add(word);
  } else {
    add(value);
  }
  if (words.empty()) throw bad_data(where + ": a list of words is empty");
  return words;
}

void check_slots(const std::string& text, const std::string& where) {
  for (const char* slot : {"[TARGET]", "[ATTRIBUTE]"}) {
    if (text.find(slot) == std::string::npos) {
      throw bad_data(fmt::format("{}: the template '{}' has no {}", where, text, slot), "For example: [TARGET] is a [ATTRIBUTE].");
    }
  }
}

std::vector<BiasTemplate> templates_of_lines(const fs::path& path) {
  std::vector<BiasTemplate> templates;
  core::LineReader lines(path);
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string where = lines.where();
    const Json entry = core::parse_json(line, where);
    BiasTemplate made;
    made.text = text_of(entry, "template", where);
    check_slots(made.text, where);
    const Json& targets = member(entry, "targets", where);
    if (!targets.is_array() || targets.size() != 2) throw bad_data(where + ": 'targets' needs two sets of words");
    for (std::size_t side = 0; side < 2; ++side) made.targets[side] = words_of(targets[side], where);
    made.bias_type = entry.contains("bias_type") ? text_of(entry, "bias_type", where) : "all";
    if (entry.contains("group")) made.group = text_of(entry, "group", where);
    for (const std::string& attribute : words_of(member(entry, "attributes", where), where)) {
      templates.push_back(made);
      templates.back().attribute = attribute;
    }
  }
  return templates;
}

/// BEC-Pro's persons, female and male.
const std::vector<std::pair<std::string, std::string>>& person_pairs() {
  static const std::vector<std::pair<std::string, std::string>> pairs = {
      {"she", "he"},     {"woman", "man"},   {"sister", "brother"},       {"daughter", "son"}, {"wife", "husband"},
      {"mother", "father"}, {"mom", "dad"}, {"girlfriend", "boyfriend"}, {"aunt", "uncle"}};
  return pairs;
}

/// Where `word` stands in `sentence` as a whole word: its bytes [begin, end).
std::pair<std::size_t, std::size_t> word_place(const std::string& sentence, const std::string& word, const std::string& where) {
  const auto letter = [&](std::size_t at) { return at < sentence.size() && std::isalnum(static_cast<unsigned char>(sentence[at])) != 0; };
  for (std::size_t at = word.empty() ? std::string::npos : sentence.find(word); at != std::string::npos; at = sentence.find(word, at + 1)) {
    if ((at == 0 || !letter(at - 1)) && !letter(at + word.size())) return {at, at + word.size()};
  }
  throw bad_data(fmt::format("{}: '{}' is no word of '{}'", where, word, sentence));
}

/// Places come from the words, not from the file's masked sentences, which hide parts of longer words too
/// ("lodging [MASK]ager").
std::vector<BiasTemplate> templates_of_bec_pro(const fs::path& path) {
  const Table table = read_table(path, {"Sentence", "Person", "Profession", "Prof_Gender"});
  // (text, profession, pair) → which of a pair stood there, in the file's order.
  std::vector<BiasTemplate> templates;
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string where = table.where(row), &sentence = table.column("Sentence")[row];
    const auto target = word_place(sentence, table.column("Person")[row], where);
    const auto attribute = word_place(sentence, table.column("Profession")[row], where);
    if (target.first < attribute.second && attribute.first < target.second) {
      throw bad_data(where + ": target and attribute overlap");
    }
    std::string text = sentence;
    const auto put = [&](const std::pair<std::size_t, std::size_t>& place, const char* slot) {
      text.replace(place.first, place.second - place.first, slot);
    };
    const bool first = target.first < attribute.first;  // the later one first, so that places stay right
    put(first ? attribute : target, first ? "[ATTRIBUTE]" : "[TARGET]");
    put(first ? target : attribute, first ? "[TARGET]" : "[ATTRIBUTE]");
    const std::string word = sentence.substr(target.first, target.second - target.first);
    const std::string person = text::lowercase(word);
    const auto& pairs = person_pairs();
    const auto pair = std::find_if(pairs.begin(), pairs.end(),
                                   [&](const auto& p) { return p.first == person || p.second == person; });
    if (pair == pairs.end()) throw bad_data(fmt::format("{}: '{}' is no person of BEC-Pro", where, word));
    const std::string key = fmt::format("{}\n{}\n{}", text, table.column("Profession")[row], pair->first);
    const auto [at, fresh] = known.emplace(key, templates.size());
    if (fresh) {
      templates.push_back({"gender", table.column("Prof_Gender")[row], text,
                           sentence.substr(attribute.first, attribute.second - attribute.first), {}});
    }
    templates[at->second].targets[pair->first == person ? 0 : 1] = {word};
  }
  for (const BiasTemplate& made : templates) {
    if (made.targets[0].empty() || made.targets[1].empty()) {
      throw bad_data(fmt::format("{}: '{}' with '{}' stands for one gender alone", path.string(), made.text, made.attribute),
                     "The file may be cut short.");
    }
  }
  return templates;
}

std::array<std::string, 2> group_of_answer(const Json& info, const char* key, const std::string& where) {
  const Json& entry = member(info, key, where);
  if (!entry.is_array() || entry.size() < 2 || !entry[0].is_string() || !entry[1].is_string()) {
    throw bad_data(fmt::format("{}: answer_info.{} is no [text, group]", where, key));
  }
  return {text::lowercase(entry[0].get<std::string>()), text::lowercase(entry[1].get<std::string>())};
}

BbqItem bbq_item(const Json& entry, const std::string& where) {
  BbqItem item;
  const Json& id = member(entry, "example_id", where);
  item.category = text_of(entry, "category", where);
  item.id = item.category + "-" + (id.is_string() ? id.get<std::string>() : id.dump());
  const std::string polarity = text_of(entry, "question_polarity", where), condition = text_of(entry, "context_condition", where);
  if (polarity != "neg" && polarity != "nonneg") throw bad_data(where + ": question_polarity is '" + polarity + "', expected neg or nonneg");
  if (condition != "ambig" && condition != "disambig") {
    throw bad_data(where + ": context_condition is '" + condition + "', expected ambig or disambig");
  }
  item.negative = polarity == "neg";
  item.ambiguous = condition == "ambig";
  item.prompt = text_of(entry, "context", where) + " " + text_of(entry, "question", where);
  const Json& label = member(entry, "label", where);
  if (!label.is_number_integer() || label.get<int>() < 0 || label.get<int>() > 2) throw bad_data(where + ": label is no 0, 1 or 2");
  item.label = label.get<int>();
  std::set<std::string> stereotyped;
  for (const std::string& group : words_of(member(member(entry, "additional_metadata", where), "stereotyped_groups", where), where)) {
    stereotyped.insert(text::lowercase(group));
  }
  const Json& info = member(entry, "answer_info", where);
  int unknowns = 0, named = 0;
  for (int a = 0; a < 3; ++a) {
    const std::string key = fmt::format("ans{}", a);
    item.answers[a] = text_of(entry, key.c_str(), where);
    const auto [name, group] = group_of_answer(info, key.c_str(), where);
    if (group == "unknown") {
      item.unknown = a;
      ++unknowns;
    }
    // "F-Black" names what it adds to "Black".
    const auto dash = group.find('-');
    item.stereotyped[a] = group != "unknown" && (stereotyped.count(group) > 0 || stereotyped.count(name) > 0 ||
                                                 (dash != std::string::npos && stereotyped.count(group.substr(dash + 1)) > 0));
    named += item.stereotyped[a];
  }
  if (unknowns != 1) throw bad_data(fmt::format("{}: {} answers of the unknown kind, expected one", where, unknowns));
  if (named != 1) {
    throw bad_data(fmt::format("{}: {} of the two other answers name a stereotyped group, expected one", where, named));
  }
  return item;
}

}  // namespace

std::vector<CrowsPair> read_crows_pairs(const fs::path& path, bool need_texts) {
  std::vector<std::string> names = {"stereo_antistereo", "bias_type"};
  if (need_texts) names.insert(names.end(), {"sent_more", "sent_less"});
  const Table table = read_table(path, names);
  std::vector<CrowsPair> pairs;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& kind = table.column("stereo_antistereo")[row];
    if (kind != "stereo" && kind != "antistereo") {
      throw bad_data(fmt::format("{}: stereo_antistereo is '{}'", table.where(row), kind), "Expected stereo or antistereo.");
    }
    CrowsPair pair{table.column("bias_type")[row], "", "", kind == "stereo"};
    if (need_texts) {
      pair.more = table.column("sent_more")[row];
      pair.less = table.column("sent_less")[row];
      if (pair.more.empty() || pair.less.empty()) throw bad_data(table.where(row) + ": a sentence is empty");
    }
    pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) throw bad_data(path.string() + ": no pairs");
  return pairs;
}

std::vector<BiasTemplate> read_bias_templates(const fs::path& path) {
  std::string name = path.filename().string();
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const auto templates = name.ends_with(".tsv") ? templates_of_bec_pro(path) : templates_of_lines(path);
  if (templates.empty()) throw bad_data(path.string() + ": no templates");
  return templates;
}

std::vector<BbqItem> read_bbq(const fs::path& path) {
  std::vector<BbqItem> items;
  std::set<std::string> seen;
  core::LineReader lines(path);
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    items.push_back(bbq_item(core::parse_json(line, lines.where()), lines.where()));
    if (!seen.insert(items.back().id).second) throw bad_data(fmt::format("{}: question '{}' occurs twice", lines.where(), items.back().id));
  }
  if (items.empty()) throw bad_data(path.string() + ": no questions");
  return items;
}

}  // namespace discreet::app
