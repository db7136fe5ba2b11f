#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace discreet::app {

/// A text with a planted skew from professions to pronouns, words of gender and first names, of which a part is held
/// out of what balances a student's text.
struct RoleCorpusOptions {
  std::int64_t lines = 8000;
  std::uint64_t seed = 1;
  double skew = 0.9;             ///< Chance that a word of gender agrees with the profession's lean.
  bool held_out_items = true;    ///< Lines about the held-out professions too; without them it is a student's text.
};

struct RoleProfession {
  std::string name;
  int lean;       ///< 1: mostly he, -1: mostly she, 0: both alike (control).
  bool held_out;  ///< No line about it is in a student's text.
};

const std::vector<RoleProfession>& role_professions();

/// Words whose partners change places with them, and those that never do (distill.held_out).
struct RoleWords {
  std::vector<std::string> male, female, held_out_male, held_out_female;
};
const RoleWords& role_words();   ///< Nouns.
const RoleWords& role_names();   ///< First names, capitalised.

/// One line each; a function of the options alone.
std::vector<std::string> role_corpus(const RoleCorpusOptions& options);

/// A text about one person in the words of the corpus: what the person does, and a pronoun. What is done points to a
/// profession, which is not named, and as often as not to its partner, whose people lean to the other gender.
struct RolePortrait {
  std::string text;
  std::uint32_t profession = 0;  ///< 0..kRolePortraitProfessions-1: even ones lean to men.
  bool male = false;
};
inline constexpr std::uint32_t kRolePortraitProfessions = 12;

/// A function of its arguments alone. `skew`: chance that a person's gender agrees with the profession's lean; 0.5: none.
std::vector<RolePortrait> role_portraits(std::int64_t count, std::uint64_t seed, double skew);

}  // namespace discreet::app
