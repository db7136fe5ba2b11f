#include "discreet/stats/porter.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string_view>
#include <vector>

namespace discreet::stats {
namespace {

/// For each letter whether it is a consonant; y is one behind a vowel and at the start.
std::vector<bool> consonants(std::string_view word) {
  std::vector<bool> flags;
  for (const char c : word) {
    const bool vowel = c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
    flags.push_back(c == 'y' ? flags.empty() || !flags.back() : !vowel);
  }
  return flags;
}

/// Porter's m: how often a consonant follows a vowel.
int measure(std::string_view stem) {
  const std::vector<bool> flags = consonants(stem);
  int m = 0;
  for (std::size_t i = 1; i < flags.size(); ++i) m += flags[i] && !flags[i - 1] ? 1 : 0;
  return m;
}

bool contains_vowel(std::string_view stem) {
  return !std::ranges::all_of(consonants(stem), [](bool consonant) { return consonant; });
}

bool ends_double_consonant(std::string_view word) {
  return word.size() >= 2 && word[word.size() - 1] == word[word.size() - 2] &&
         consonants(word).back();
}

bool ends_consonant_vowel_consonant(std::string_view word) {
  const std::vector<bool> flags = consonants(word);
  const std::size_t n = flags.size();
  if (n == 2) return !flags[0] && flags[1];
  const char last = n == 0 ? '\0' : word.back();
  return n >= 3 && flags[n - 3] && !flags[n - 2] && flags[n - 1] && last != 'w' && last != 'x' &&
         last != 'y';
}

struct SuffixRule {
  std::string_view suffix, replacement;
};

/// The first rule whose suffix the word has decides: applied if the stem's measure is above `least`.
std::string replace_suffix(const std::string& word, int least,
                           std::initializer_list<SuffixRule> rules) {
  for (const SuffixRule& rule : rules) {
    if (!word.ends_with(rule.suffix)) continue;
    const std::string stem = word.substr(0, word.size() - rule.suffix.size());
    return measure(stem) > least ? stem + std::string(rule.replacement) : word;
  }
  return word;
}

std::string without(const std::string& word, std::size_t letters) {
  return word.substr(0, word.size() - letters);
}

std::string plural(const std::string& word) {
  if (word.ends_with("ies")) return without(word, word.size() == 4 ? 1 : 2);
  if (word.ends_with("sses")) return without(word, 2);
  if (word.ends_with("ss")) return word;
  return word.ends_with("s") ? without(word, 1) : word;
}

std::string past_and_participle(const std::string& word) {
  if (word.ends_with("ied")) return without(word, word.size() == 4 ? 1 : 2);
  if (word.ends_with("eed")) return measure(without(word, 3)) > 0 ? without(word, 1) : word;
  std::string stem;
  if (word.ends_with("ed") && contains_vowel(without(word, 2))) {
    stem = without(word, 2);
  } else if (word.ends_with("ing") && contains_vowel(without(word, 3))) {
    stem = without(word, 3);
  } else {
    return word;
  }
  if (stem.ends_with("at") || stem.ends_with("bl") || stem.ends_with("iz")) return stem + "e";
  if (ends_double_consonant(stem)) {
    const char last = stem.back();
    return last == 'l' || last == 's' || last == 'z' ? stem : without(stem, 1);
  }
  return measure(stem) == 1 && ends_consonant_vowel_consonant(stem) ? stem + "e" : stem;
}

std::string final_y(const std::string& word) {
  if (!word.ends_with("y")) return word;
  const std::string stem = without(word, 1);
  return stem.size() > 1 && consonants(stem).back() ? stem + "i" : word;
}

std::string double_suffix(const std::string& word) {
  if (word.ends_with("alli") && measure(without(word, 4)) > 0) return double_suffix(without(word, 2));
  if (word.ends_with("logi")) return measure(without(word, 3)) > 0 ? without(word, 1) : word;
  return replace_suffix(word, 0,
                        {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"},
                         {"izer", "ize"},    {"bli", "ble"},     {"alli", "al"},   {"entli", "ent"},
                         {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"},
                         {"ation", "ate"},   {"ator", "ate"},    {"alism", "al"},
                         {"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"},
                         {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"},
                         {"fulli", "ful"}});
}

std::string single_suffix(const std::string& word) {
  return replace_suffix(word, 0,
                        {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                         {"ical", "ic"}, {"ful", ""}, {"ness", ""}});
}

std::string last_suffix(const std::string& word) {
  if (word.ends_with("ion")) {
    const std::string stem = without(word, 3);
    const bool fits = measure(stem) > 1 && (stem.ends_with("s") || stem.ends_with("t"));
    return fits ? stem : word;
  }
  return replace_suffix(word, 1,
                        {{"al", ""},   {"ance", ""}, {"ence", ""},  {"er", ""},   {"ic", ""},
                         {"able", ""}, {"ible", ""}, {"ant", ""},   {"ement", ""}, {"ment", ""},
                         {"ent", ""},  {"ou", ""},   {"ism", ""},   {"ate", ""},  {"iti", ""},
                         {"ous", ""},  {"ive", ""},  {"ize", ""}});
}

std::string final_e(const std::string& word) {
  if (!word.ends_with("e")) return word;
  const std::string stem = without(word, 1);
  const int m = measure(stem);
  return m > 1 || (m == 1 && !ends_consonant_vowel_consonant(stem)) ? stem : word;
}

std::string final_l(const std::string& word) {
  if (!word.ends_with("ll")) return word;
  return measure(without(word, 1)) > 1 ? without(word, 1) : word;
}

}  // namespace

std::string porter_stem(const std::string& word) {
  static const std::map<std::string, std::string, std::less<>> irregular = {
      {"sky", "sky"},         {"skies", "sky"},       {"dying", "die"},
      {"lying", "lie"},       {"tying", "tie"},       {"news", "news"},
      {"innings", "inning"},  {"inning", "inning"},   {"outings", "outing"},
      {"outing", "outing"},   {"cannings", "canning"}, {"canning", "canning"},
      {"howe", "howe"},       {"proceed", "proceed"}, {"exceed", "exceed"},
      {"succeed", "succeed"}};
  if (const auto found = irregular.find(word); found != irregular.end()) return found->second;
  if (word.size() <= 2) return word;
  std::string stem = past_and_participle(plural(word));
  stem = double_suffix(final_y(stem));
  stem = last_suffix(single_suffix(stem));
  return final_l(final_e(stem));
}

}  // namespace discreet::stats
