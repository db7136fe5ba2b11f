#include "discreet/mitigate/words/swap_lists.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/json.h"
#include "discreet/core/lines.h"
#include "discreet/text/unicode.h"

namespace discreet::mitigate {
namespace {

const std::unordered_set<std::string> kPronounForms = {"he", "she", "his", "her", "him", "hers", "himself", "herself"};

/// A pair as a file has it, and where.
struct ReadPair {
  std::string first, second, where;
};

std::string clean_word(std::string_view text, const std::string& where) {
  text::require_utf8(text, where);
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  std::string word = text::lowercase(text);
  if (word.empty()) throw bad_data(where + ": an empty word", "Each pair has two words.");
  if (std::any_of(word.begin(), word.end(), blank)) {
    throw bad_data(fmt::format("{}: '{}' is more than one word", where, word), "Pairs are single words; hyphens are allowed.");
  }
  return word;
}

std::vector<ReadPair> pairs_of_json(const std::filesystem::path& path) {
  const Json json = core::parse_json(core::read_file(path), path.string());
  std::vector<ReadPair> pairs;
  const auto add = [&](const Json& first, const Json& second) {
    const std::string where = fmt::format("{}: pair {}", path.string(), pairs.size() + 1);
    if (!first.is_string() || !second.is_string()) throw bad_data(where + " is not of two strings");
    pairs.push_back({clean_word(first.get<std::string>(), where), clean_word(second.get<std::string>(), where), where});
  };
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) add(Json(key), value);
  } else {
    for (const Json& pair : json) {
      if (!pair.is_array() || pair.size() != 2) {
        throw bad_data(fmt::format("{}: pair {} is not a list of two words", path.string(), pairs.size() + 1));
      }
      add(pair[0], pair[1]);
    }
  }
  return pairs;
}

std::vector<ReadPair> pairs_of_lines(const std::filesystem::path& path) {
  std::vector<ReadPair> pairs;
  core::LineReader lines(path);
  for (std::string line; lines.next(line);) {
    std::vector<std::string> words;
    const char separator = line.find('\t') != std::string::npos ? '\t' : line.find(',') != std::string::npos ? ',' : ' ';
    std::size_t begin = 0;
    for (std::size_t at = 0; at <= line.size(); ++at) {
      if (at < line.size() && line[at] != separator) continue;
      const std::string word = line.substr(begin, at - begin);
      if (word.find_first_not_of(" \t\r") != std::string::npos) words.push_back(word);
      begin = at + 1;
    }
    if (words.empty() || words[0][0] == '#') continue;
    if (words.size() != 2) {
      throw bad_data(fmt::format("{}: {} words, expected two", lines.where(), words.size()),
                     "One pair a line, separated by a tab, a comma or a blank.");
    }
    pairs.push_back({clean_word(words[0], lines.where()), clean_word(words[1], lines.where()), lines.where()});
  }
  return pairs;
}

std::vector<ReadPair> pairs_of_two_files(const std::filesystem::path& a, const std::filesystem::path& b) {
  core::LineReader first(a), second(b);
  std::vector<ReadPair> pairs;
  std::string x, y;
  while (true) {
    const bool more = first.next(x), also = second.next(y);
    if (more != also) {
      throw bad_data(fmt::format("{} and {} have unequal numbers of lines", a.string(), b.string()),
                     "Their lines belong together.");
    }
    if (!more) return pairs;
    const bool empty = x.find_first_not_of(" \t\r") == std::string::npos;
    if (empty && y.find_first_not_of(" \t\r") == std::string::npos) continue;
    pairs.push_back({clean_word(x, first.where()), clean_word(y, second.where()), first.where()});
  }
}

std::vector<ReadPair> pairs_of_source(const std::string& source) {
  const auto files = pair_files(source);
  if (files.size() == 2) return pairs_of_two_files(files[0], files[1]);
  return files[0].extension() == ".json" ? pairs_of_json(files[0]) : pairs_of_lines(files[0]);
}

/// Whether a pair is left out whatever the others are.
bool leaves_out(const ReadPair& pair, bool rules_for_pronouns, std::vector<std::string>& left_out) {
  const std::string said = pair.first + "/" + pair.second;
  if (rules_for_pronouns && (kPronounForms.count(pair.first) > 0 || kPronounForms.count(pair.second) > 0)) {
    left_out.push_back(said + ": pronouns are exchanged by rules");
    return true;
  }
  if (pair.first == pair.second) left_out.push_back(said + ": one word");
  return pair.first == pair.second;
}

}  // namespace

std::vector<std::filesystem::path> pair_files(const std::string& source) {
  const std::size_t colon = source.find(':');
  if (colon == std::string::npos) return {source};
  return {source.substr(0, colon), source.substr(colon + 1)};
}

void read_pairs(const std::string& source, PairConflict conflict, bool rules_for_pronouns, WordPairs& into,
                std::vector<std::string>& left_out) {
  std::unordered_map<std::string, std::string> partner;
  for (const auto& [a, b] : into) {
    partner[a] = b;
    partner[b] = a;
  }
  for (const ReadPair& pair : pairs_of_source(source)) {
    if (leaves_out(pair, rules_for_pronouns, left_out)) continue;
    const std::string said = pair.first + "/" + pair.second;
    const auto a = partner.find(pair.first), b = partner.find(pair.second);
    if (a == partner.end() && b == partner.end()) {
      partner[pair.first] = pair.second;
      partner[pair.second] = pair.first;
      into.emplace_back(pair.first, pair.second);
      continue;
    }
    if (a != partner.end() && a->second == pair.second) continue;  // known, in this direction or the other
    const auto& [word, other] = a != partner.end() ? *a : *b;
    if (conflict == PairConflict::kError) {
      throw bad_data(fmt::format("{}: '{}' has the partner '{}' and in '{}' another", pair.where, word, other, said),
                     "Swapping twice would not give the text back. Mend the list, or take the first with --on-conflict first.");
    }
    left_out.push_back(fmt::format("{}: '{}' has the partner '{}'", said, word, other));
  }
}

void read_one_way(const std::string& source, PairConflict conflict, bool rules_for_pronouns, WordPairs& into,
                  std::vector<std::string>& left_out) {
  std::unordered_map<std::string, std::string> partner(into.begin(), into.end());
  for (const ReadPair& pair : pairs_of_source(source)) {
    if (leaves_out(pair, rules_for_pronouns, left_out)) continue;
    const auto [known, added] = partner.emplace(pair.first, pair.second);
    if (added) into.emplace_back(pair.first, pair.second);
    if (known->second == pair.second) continue;
    if (conflict == PairConflict::kError) {
      throw bad_data(fmt::format("{}: '{}' becomes '{}' and here '{}'", pair.where, pair.first, known->second, pair.second),
                     "A word becomes one other. Mend the list, or take the first with --on-conflict first.");
    }
    left_out.push_back(fmt::format("{}/{}: '{}' becomes '{}'", pair.first, pair.second, pair.first, known->second));
  }
}

}  // namespace discreet::mitigate
