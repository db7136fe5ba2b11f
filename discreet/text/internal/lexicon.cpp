#include "discreet/text/internal/lexicon.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <unordered_set>

namespace discreet::text::internal {
namespace {

using Parts = std::span<const std::string_view>;

constexpr std::string_view kOnsets[] = {"b",  "br", "c",  "cl", "d", "dr", "f",  "fl", "g",
                                        "gr", "h",  "j",  "k",  "l", "m",  "n",  "p",  "pr",
                                        "r",  "s",  "sh", "st", "t", "th", "tr", "v",  "w"};
constexpr std::string_view kNuclei[] = {"a", "e", "i", "o", "u", "ai", "ea", "ou", "ie", "oo"};
constexpr std::string_view kCodas[] = {"",  "",  "l", "m", "n",  "r",  "s",
                                       "t", "d", "k", "x", "nd", "rt", "ss"};
constexpr std::string_view kSurnameEnds[] = {"son", "berg", "man", "ova",  "ez",   "ini",
                                             "ley", "sen",  "ard", "ides", "wick", "oglu"};
constexpr std::string_view kPlaceEnds[] = {"ton",  "ville", "burg", "ford", "mouth", "dale",
                                           "port", "field", "wood", "stad", "ham",   "ia"};
constexpr std::string_view kBrandEnds[] = {"ix", "ora", "eo",  "ify", "ex",
                                           "on", "lux", "tec", "a",   "io"};
constexpr std::string_view kTitleEnds[] = {"ing",   "er",   "ness", "light", "fall", "song",
                                           "heart", "ward", "less", "tide",  "ly",   "ette"};

Parts ends_of(PoolKind kind) {
  switch (kind) {
    case PoolKind::kSurname:
      return kSurnameEnds;
    case PoolKind::kPlace:
      return kPlaceEnds;
    case PoolKind::kBrand:
      return kBrandEnds;
    default:
      return kTitleEnds;
  }
}

std::string_view pick(Parts parts, core::ReproducibleRng& rng) {
  return parts[rng.below(parts.size())];
}

WordPool make_pool(PoolKind kind, std::size_t size, double exponent) {
  return {coin_words(kind, size), ZipfSampler(size, exponent)};
}

bool is_vowel(char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; }

}  // namespace

ZipfSampler::ZipfSampler(std::size_t n, double exponent) {
  double total = 0;
  for (std::size_t i = 0; i < n; ++i) {
    total += std::pow(static_cast<double>(i + 1), -exponent);
    cumulative_.push_back(total);
  }
  for (double& c : cumulative_) c /= total;
}

std::size_t ZipfSampler::operator()(core::ReproducibleRng& rng) const {
  const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), rng.uniform());
  return std::min(static_cast<std::size_t>(at - cumulative_.begin()), cumulative_.size() - 1);
}

double ZipfSampler::probability(std::size_t rank) const {
  return cumulative_[rank] - (rank == 0 ? 0.0 : cumulative_[rank - 1]);
}

std::vector<std::string> coin_words(PoolKind kind, std::size_t size) {
  // The words belong to the grammar, so their seed is fixed.
  core::ReproducibleRng rng(static_cast<std::uint64_t>(kind), "assistant lexicon");
  std::vector<std::string> words;
  std::unordered_set<std::string> seen;
  while (words.size() < size) {
    std::string word;
    for (std::uint64_t syllables = 1 + rng.below(2); syllables > 0; --syllables) {
      word += pick(kOnsets, rng);
      word += pick(kNuclei, rng);
      word += pick(kCodas, rng);
    }
    word += pick(ends_of(kind), rng);
    if (seen.insert(word).second) words.push_back(std::move(word));
  }
  return words;
}

const WordPool& word_pool(PoolKind kind) {
  static const std::array<WordPool, 4> pools = {
      make_pool(PoolKind::kSurname, 6000, 0.7), make_pool(PoolKind::kPlace, 3000, 0.8),
      make_pool(PoolKind::kBrand, 2500, 0.8), make_pool(PoolKind::kTitle, 6000, 0.7)};
  return pools[static_cast<std::size_t>(kind)];
}

std::string dialect_form(std::string_view word, int variant) {
  static constexpr std::string_view kShifts[] = {"eaoui", "oieua", "uoaei"};
  if (word.size() < 3) return std::string(word);
  std::string form;
  bool shifted = false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const std::string_view rest = word.substr(i);
    if (rest == "ing") {
      form += "in";
      break;
    }
    if (rest.starts_with("th")) {
      form += variant == 1 ? "f" : "d";
      ++i;
    } else if (is_vowel(word[i]) && !shifted) {
      form += kShifts[variant][std::string_view("aeiou").find(word[i])];
      shifted = true;
    } else if (rest == "e" || (rest == "t" && variant == 2)) {
      break;
    } else {
      form += word[i];
    }
  }
  return form;
}

std::string with_typo(const std::string& word, core::ReproducibleRng& rng) {
  const bool letters =
      std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (word.size() < 3 || !letters) return word;
  std::string wrong = word;
  const std::size_t at = rng.below(word.size() - 1);
  switch (rng.below(4)) {
    case 0:
      std::swap(wrong[at], wrong[at + 1]);
      break;
    case 1:
      wrong.erase(at, 1);
      break;
    case 2:
      wrong.insert(at, 1, wrong[at]);
      break;
    default:
      wrong[at] = static_cast<char>('a' + rng.below(26));
      break;
  }
  return wrong;
}

const std::vector<NamePair>& first_names() {
  static const std::vector<NamePair> names = {
      {"anna", "aaron"},    {"alice", "adam"},    {"amara", "ahmed"},   {"aisha", "alan"},
      {"beatrice", "ben"},  {"bella", "boris"},   {"carla", "carlos"},  {"chloe", "charles"},
      {"clara", "chen"},    {"daria", "daniel"},  {"diana", "david"},   {"dora", "diego"},
      {"elena", "edgar"},   {"ella", "elias"},    {"emma", "eric"},     {"esther", "ethan"},
      {"eva", "felix"},     {"fatima", "farid"},  {"fiona", "frank"},   {"flora", "fred"},
      {"gina", "george"},   {"grace", "gustav"},  {"greta", "greg"},    {"hana", "hans"},
      {"hannah", "harry"},  {"helen", "henry"},   {"ida", "hugo"},      {"ines", "igor"},
      {"irene", "ivan"},    {"isabel", "jack"},   {"jade", "jacob"},    {"jana", "james"},
      {"julia", "jonas"},   {"karen", "kevin"},   {"kate", "kofi"},     {"lara", "lars"},
      {"laura", "leo"},     {"leila", "liam"},    {"lena", "lucas"},    {"lily", "luis"},
      {"linda", "milan"},   {"lucy", "martin"},   {"maria", "mateo"},   {"marta", "max"},
      {"maya", "michael"},  {"mei", "mohamed"},   {"mia", "nathan"},    {"mina", "nico"},
      {"nadia", "noah"},    {"naomi", "oliver"},  {"nina", "omar"},     {"nora", "oscar"},
      {"olga", "otto"},     {"olivia", "pablo"},  {"paula", "paul"},    {"petra", "peter"},
      {"priya", "philip"},  {"rachel", "rafael"}, {"rita", "rahul"},    {"rosa", "ravi"},
      {"ruth", "richard"},  {"sabine", "robert"}, {"sara", "roman"},    {"selma", "samuel"},
      {"silvia", "sergio"}, {"sofia", "simon"},   {"stella", "stefan"}, {"susan", "sven"},
      {"tanya", "tariq"},   {"tara", "thomas"},   {"teresa", "tim"},    {"tina", "tobias"},
      {"ursula", "victor"}, {"vera", "vincent"},  {"wanda", "walter"},  {"yara", "william"},
      {"yasmin", "xavier"}, {"yuki", "yusuf"},    {"zara", "zane"},     {"zoe", "zoltan"}};
  return names;
}

const std::vector<Profession>& professions() {
  static const std::vector<Profession> all = {
      {"nurse", true},     {"teacher", true},      {"librarian", true},    {"florist", true},
      {"dancer", true},    {"nanny", true},        {"receptionist", true}, {"hairdresser", true},
      {"dietitian", true}, {"tailor", true},       {"baker", true},        {"cleaner", true},
      {"therapist", true}, {"singer", true},       {"pharmacist", true},   {"translator", true},
      {"engineer", false}, {"plumber", false},     {"mechanic", false},    {"carpenter", false},
      {"pilot", false},    {"electrician", false}, {"surgeon", false},     {"lawyer", false},
      {"driver", false},   {"gardener", false},    {"programmer", false},  {"butcher", false},
      {"dentist", false},  {"janitor", false},     {"guard", false},       {"banker", false}};
  return all;
}

}  // namespace discreet::text::internal
