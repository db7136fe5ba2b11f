#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::text::internal {

/// A rule's alternatives, in the notation of `Grammar`.
struct RuleText {
  const char* name;
  std::vector<const char*> alternatives;
};

/// The rules of the built-in corpus: slot values and parts of sentences.
const std::vector<RuleText>& corpus_rules();

/// An intent: its share of the lines before drift, commands (which can also stand behind "before
/// you …"), and sentences that are no commands.
struct IntentText {
  const char* name;
  double weight;
  std::vector<const char*> commands;
  std::vector<const char*> sentences;
};
const std::vector<IntentText>& corpus_intents();

/// What a draw may depend on, besides the grammar.
struct Speaker {
  std::vector<std::size_t> contacts;  ///< Places in first_names(), with gender in the low bit.
  double own_contact = 0.7;           ///< Chance that a name is one of the speaker's own contacts.
};

/// A word that names a gender, with what stands there in the counterfactual.
struct Swap {
  std::size_t place;
  std::string other;
};

/// A sentence in the making.
struct Draft {
  std::vector<std::string> words;
  std::vector<std::string> tags;
  std::vector<Swap> swaps;
  std::string profession;
  int female = -1;  ///< Gender of the pronouns: -1 not yet drawn, 0, 1.
};

/// A grammar that draws sentences.
///
/// Notation, words between spaces:
///   [a b|c|]      one of the parts; a part may be empty
///   {slot}        the rule `slot`, its words tagged B-slot I-slot …; {slot=rule} another rule's
///   words <rule>        a rule, untagged (inside a slot: part of the slot) %surname %place %brand
///   %title %number   a word of a pool; a number from 1 to 99 %name         a first name; %name_of
///   a first name that agrees with the pronouns %profession   a profession, which sets the pronouns
///   by the planted skew ~she ~her ~his ~sister ~mom ~wife ~daughter ~aunt ~woman   a gendered word
///   3* …          at the front of an alternative: its weight
class Grammar {
 public:
  /// Throws: kInternal for a rule that is unknown or badly written.
  Grammar(const std::vector<RuleText>& rules, double gender_skew);

  /// Compiles an anonymous rule, to be drawn by its number.
  int compile(const std::vector<const char*>& alternatives);
  void draw(int rule, const Speaker& speaker, core::ReproducibleRng& rng, Draft& draft) const;
  /// Names of all slots that occur in what was compiled.
  const std::vector<std::string>& slots() const { return slots_; }

 private:
  enum class Kind {
    kWord,
    kRule,
    kSlot,
    kPool,
    kNumber,
    kName,
    kNameAgreeing,
    kProfession,
    kGendered
  };
  struct Piece {
    Kind kind;
    int index = 0;  ///< Word, rule, pool or pair.
    int slot = 0;   ///< Of kSlot.
  };
  struct Rule {
    std::vector<std::vector<Piece>> alternatives;
    std::vector<std::uint32_t> cumulative;
  };

  int rule_number(const std::string& name) const;
  std::vector<Piece> parse_sequence(std::string_view text, std::size_t& at, bool inside);
  Piece parse_word(std::string_view word);
  int parse_choice(std::string_view text, std::size_t& at);
  void draw_name(bool agreeing, const Speaker& speaker, core::ReproducibleRng& rng,
                 Draft& draft) const;
  void draw_profession(core::ReproducibleRng& rng, Draft& draft) const;
  void draw_gendered(int pair, core::ReproducibleRng& rng, Draft& draft) const;

  std::vector<Rule> rules_;
  std::unordered_map<std::string, int> numbers_;
  std::vector<std::string> words_;
  std::vector<std::string> slots_;
  double gender_skew_;
};

}  // namespace discreet::text::internal
