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

}  // namespace discreet::app
