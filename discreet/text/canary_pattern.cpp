#include "discreet/text/canary_pattern.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/text/join_words.h"

namespace discreet::text {
namespace {

constexpr std::int64_t kMostPlaces = 64;
constexpr std::int64_t kMadeUpWords = 1000;

const std::vector<std::string> kColours = {"red",    "blue", "green", "yellow", "black", "white",
                                           "orange", "pink", "brown", "purple", "grey",  "violet",
                                           "gold",   "cyan", "beige", "silver"};
const std::vector<std::string> kFirstNames = {
    "anna",   "ben",    "carla",  "david",  "elena", "felix",  "grace",  "hugo",   "ivy",    "jonas",  "karen",
    "liam",   "maria",  "noah",   "olivia", "peter", "quinn",  "rosa",   "simon",  "tara",   "ulrich", "vera",
    "walter", "xenia",  "yusuf",  "zoe",    "amir",  "bella",  "chen",   "dora",   "emil",   "fatima", "george",
    "hanna",  "ibrahim", "julia", "kofi",   "laura", "miguel", "nadia",  "oscar",  "priya",  "ravi",   "sofia",
    "tomas",  "uma",    "viktor", "wanda",  "xavier", "yara",  "zane",   "aiko",   "bruno",  "clara",  "diego",
    "erika",  "farid",  "gina",   "henry",  "irene", "jamal",  "keiko",  "leon",   "mila"};

/// Three syllables and a beginning that words do not have: "zqbovenu".
std::string made_up_word(core::ReproducibleRng& rng) {
  static const std::string kConsonants = "bdfgklmnprstvz", kVowels = "aeiou";
  std::string word = "zq";
  for (int syllable = 0; syllable < 3; ++syllable) {
    word += kConsonants[rng.below(kConsonants.size())];
    word += kVowels[rng.below(kVowels.size())];
  }
  return word;
}

std::vector<std::string> made_up_words() {
  core::ReproducibleRng rng(1, "canary/made-up-words");
  std::vector<std::string> words;
  std::set<std::string> seen;
  while (static_cast<std::int64_t>(words.size()) < kMadeUpWords) {
    std::string word = made_up_word(rng);
    if (seen.insert(word).second) words.push_back(std::move(word));
  }
  return words;
}

std::vector<std::string> given_words(const std::string& list, const std::string& pattern) {
  std::vector<std::string> words;
  std::set<std::string> seen;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find('|', begin), list.size());
    std::string word = list.substr(begin, end - begin);
    if (word.empty() || !seen.insert(word).second) {
      throw usage_error(fmt::format("canary pattern \"{}\": an empty or repeated word in {{{}}}", pattern, list));
    }
    words.push_back(std::move(word));
    begin = end + 1;
  }
  return words;
}

std::vector<std::string> candidates_of(const std::string& name, const std::string& pattern) {
  if (name.find('|') != std::string::npos) return given_words(name, pattern);
  if (name == "digit") return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  if (name == "colour" || name == "color") return kColours;
  if (name == "name") return kFirstNames;
  if (name == "token") return made_up_words();
  const auto near = core::nearest(name, {"digit", "colour", "color", "name", "token"});
  throw usage_error(fmt::format("canary pattern \"{}\": unknown class '{}'{}", pattern, name,
                                near ? fmt::format("; did you mean '{}'?", *near) : ""),
                    "Classes are digit, colour, name and token, or the words themselves: {red|blue}.");
}

void add_places(const std::string& place, const std::string& pattern, CanaryPattern& out) {
  std::string name = place;
  std::int64_t times = 1;
  if (const auto colon = place.find(':'); colon != std::string::npos) {
    name = place.substr(0, colon);
    const char* end = place.data() + place.size();
    const auto [stop, error] = std::from_chars(place.data() + colon + 1, end, times);
    if (error != std::errc{} || stop != end || times < 1) {
      throw usage_error(fmt::format("canary pattern \"{}\": '{{{}}}' has no whole number from 1 behind its colon",
                                    pattern, place));
    }
  }
  if (times > kMostPlaces) {
    throw usage_error(fmt::format("canary pattern \"{}\": more than {} secret places", pattern, kMostPlaces));
  }
  const std::vector<std::string> candidates = candidates_of(name, pattern);
  for (std::int64_t i = 0; i < times; ++i) {
    out.secret.push_back(static_cast<std::int64_t>(out.words.size()));
    out.words.emplace_back();
    out.candidates.push_back(candidates);
  }
}

}  // namespace

double CanaryPattern::space() const {
  double space = 1;
  for (const auto& place : candidates) space *= static_cast<double>(place.size());
  return space;
}

std::vector<std::string> CanaryPattern::sentence(const std::vector<std::int64_t>& code) const {
  std::vector<std::string> filled = words;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    filled[static_cast<std::size_t>(secret[i])] = candidates[i].at(static_cast<std::size_t>(code.at(i)));
  }
  return filled;
}

std::vector<std::int64_t> CanaryPattern::code_of(std::uint64_t index) const {
  std::vector<std::int64_t> code(secret.size());
  for (std::size_t i = secret.size(); i-- > 0;) {
    code[i] = static_cast<std::int64_t>(index % candidates[i].size());
    index /= candidates[i].size();
  }
  return code;
}

std::uint64_t CanaryPattern::number_of(const std::vector<std::int64_t>& code) const {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < code.size(); ++i) number = number * candidates[i].size() + static_cast<std::uint64_t>(code[i]);
  return number;
}

std::vector<std::int64_t> CanaryPattern::code_in(const std::vector<std::string>& sentence) const {
  std::vector<std::int64_t> code;
  const auto is_no_sentence = [&] {
    return bad_data(fmt::format("'{}' is no sentence of its canary pattern", join_words(sentence)));
  };
  if (sentence.size() != words.size()) throw is_no_sentence();
  for (std::size_t w = 0, i = 0; w < words.size(); ++w) {
    if (i < secret.size() && secret[i] == static_cast<std::int64_t>(w)) {
      const auto found = std::ranges::find(candidates[i], sentence[w]);
      if (found == candidates[i].end()) throw is_no_sentence();
      code.push_back(found - candidates[i].begin());
      ++i;
    } else if (sentence[w] != words[w]) {
      throw is_no_sentence();
    }
  }
  return code;
}

std::vector<std::int64_t> CanaryPattern::draw(core::ReproducibleRng& rng) const {
  std::vector<std::int64_t> code;
  for (const auto& place : candidates) code.push_back(static_cast<std::int64_t>(rng.below(place.size())));
  return code;
}

std::vector<std::string> CanaryPattern::tags(const std::string& slot) const {
  std::vector<std::string> tags(words.size(), "O");
  for (std::size_t i = 0; i < secret.size(); ++i) {
    const bool goes_on = i > 0 && secret[i] == secret[i - 1] + 1;
    tags[static_cast<std::size_t>(secret[i])] = (goes_on ? "I-" : "B-") + slot;
  }
  return tags;
}

CanaryPattern parse_canary_pattern(const std::string& pattern) {
  CanaryPattern out;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == ' ') {
      ++at;
      continue;
    }
    // A place may hold blanks in no class, so the next blank ends it too; a brace left open is told.
    const std::size_t end = std::min(pattern.find(' ', at), pattern.size());
    const std::string word = pattern.substr(at, end - at);
    at = end;
    const bool opens = word.front() == '{', closes = word.back() == '}';
    if (opens && closes && word.size() > 2) {
      add_places(word.substr(1, word.size() - 2), pattern, out);
    } else if (word.find_first_of("{}") != std::string::npos) {
      throw usage_error(fmt::format("canary pattern \"{}\": '{}' is neither a word nor {{CLASS}}", pattern, word),
                        "For example: \"call {digit:4}\".");
    } else {
      out.words.push_back(word);
    }
  }
  if (out.secret.empty()) {
    throw usage_error(fmt::format("canary pattern \"{}\" has no secret place", pattern),
                      "For example: \"call {digit:4}\".");
  }
  if (static_cast<std::int64_t>(out.secret.size()) > kMostPlaces) {
    throw usage_error(fmt::format("canary pattern \"{}\": more than {} secret places", pattern, kMostPlaces));
  }
  return out;
}

}  // namespace discreet::text
