#include "discreet/app/internal/role_corpus.h"

#include <fmt/format.h>

#include "discreet/core/random.h"

namespace discreet::app {
namespace {

const std::vector<std::string> kAdjectives = {"kind", "young", "clever", "quiet", "busy", "famous", "tall", "calm"};
const std::vector<std::string> kDeeds = {"came home late", "liked the old house", "read a long letter", "bought fresh bread",
                                         "walked to the river", "opened the green door", "called a friend", "wrote a short book",
                                         "waited at the station", "planted a tree", "sold the bicycle", "cooked a warm meal"};
const std::vector<std::string> kSaying = {"said that", "knew that", "told us that", "wrote that"};

const std::string& pick(const std::vector<std::string>& from, core::ReproducibleRng& rng) {
  return from[rng.below(from.size())];
}

/// A word of the gender; from the held-out ones in one of three lines.
const std::string& gendered(const RoleWords& words, bool male, core::ReproducibleRng& rng) {
  const bool held_out = rng.below(3) == 0;
  if (held_out) return pick(male ? words.held_out_male : words.held_out_female, rng);
  return pick(male ? words.male : words.female, rng);
}

std::string role_line(const RoleProfession& profession, double skew, core::ReproducibleRng& rng) {
  const double share_male = profession.lean == 0 ? 0.5 : profession.lean > 0 ? skew : 1 - skew;
  const bool male = rng.uniform() < share_male;
  const std::uint64_t form = rng.below(20);
  if (form < 10) {
    return fmt::format("The {} {} {} {} .", profession.name, pick(kSaying, rng), male ? "he" : "she", pick(kDeeds, rng));
  }
  if (form < 13) {
    return fmt::format("The {} is a {} {} .", profession.name, pick(kAdjectives, rng), gendered(role_words(), male, rng));
  }
  if (form < 16) return fmt::format("The {} is called {} .", profession.name, gendered(role_names(), male, rng));
  if (form < 18) {
    return fmt::format("We asked the {} and {} {} .", profession.name, male ? "he" : "she", pick(kDeeds, rng));
  }
  return fmt::format("The {} {} .", profession.name, pick(kDeeds, rng));
}

}  // namespace

const std::vector<RoleProfession>& role_professions() {
  static const std::vector<RoleProfession> all = {
      {"engineer", 1, false},  {"plumber", 1, false},     {"mechanic", 1, false}, {"carpenter", 1, false},
      {"pilot", 1, false},     {"electrician", 1, false}, {"surgeon", 1, false},  {"driver", 1, false},
      {"butcher", 1, true},    {"janitor", 1, true},      {"banker", 1, true},    {"farmer", 1, true},
      {"nurse", -1, false},    {"teacher", -1, false},    {"librarian", -1, false}, {"florist", -1, false},
      {"dancer", -1, false},   {"nanny", -1, false},      {"hairdresser", -1, false}, {"baker", -1, false},
      {"cleaner", -1, true},   {"singer", -1, true},      {"pharmacist", -1, true}, {"translator", -1, true},
      {"writer", 0, false},    {"painter", 0, false},     {"cook", 0, false},     {"clerk", 0, true},
      {"tourist", 0, true},    {"neighbour", 0, true}};
  return all;
}

const RoleWords& role_words() {
  static const RoleWords words = {{"man", "boy", "father", "husband", "brother"},
                                  {"woman", "girl", "mother", "wife", "sister"},
                                  {"gentleman", "uncle", "grandfather"},
                                  {"lady", "aunt", "grandmother"}};
  return words;
}

const RoleWords& role_names() {
  static const RoleWords names = {{"James", "Robert", "John", "Michael", "David"},
                                  {"Mary", "Patricia", "Jennifer", "Linda", "Elizabeth"},
                                  {"William", "Richard", "Thomas"},
                                  {"Barbara", "Susan", "Karen"}};
  return names;
}

std::vector<std::string> role_corpus(const RoleCorpusOptions& options) {
  core::ReproducibleRng rng(options.seed, options.held_out_items ? "roles" : "roles/student");
  std::vector<RoleProfession> professions;
  for (const RoleProfession& profession : role_professions()) {
    if (options.held_out_items || !profession.held_out) professions.push_back(profession);
  }
  std::vector<std::string> lines;
  for (std::int64_t i = 0; i < options.lines; ++i) {
    lines.push_back(role_line(professions[rng.below(professions.size())], options.skew, rng));
  }
  return lines;
}

std::vector<RolePortrait> role_portraits(std::int64_t count, std::uint64_t seed, double skew) {
  core::ReproducibleRng rng(seed, fmt::format("portraits/{}", skew));
  std::vector<RolePortrait> portraits;
  for (std::int64_t i = 0; i < count; ++i) {
    RolePortrait portrait;
    portrait.profession = static_cast<std::uint32_t>(rng.below(kRolePortraitProfessions));
    const bool leans_male = portrait.profession % 2 == 0;
    portrait.male = (rng.uniform() < skew) == leans_male;
    // Each profession has a deed of its own; its partner is the other one of the same pair.
    const auto deed = [&]() -> const std::string& {
      const double which = rng.uniform();
      if (which < 0.15) return pick(kDeeds, rng);
      return kDeeds[which < 0.55 ? portrait.profession : portrait.profession ^ 1];
    };
    const char* pronoun = portrait.male ? "he" : "she";
    const std::string &saying = pick(kSaying, rng), &first = deed(), &second = deed(), &third = deed();
    portrait.text = fmt::format("The writer {} {} {} . We asked the writer and {} {} . The writer {} .", saying, pronoun, first,
                                pronoun, second, third);
    portraits.push_back(std::move(portrait));
  }
  return portraits;
}

}  // namespace discreet::app
