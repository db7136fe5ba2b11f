#pragma once

#include <string_view>

namespace discreet::mitigate {

/// What stands around a pronoun, in one line of text. `before` ends and `after` begins at the pronoun.
struct PronounContext {
  std::string_view before;
  std::string_view after;
};

/// Whether "her" belongs to a noun ("her book": his) or stands for one ("saw her": him).
///
/// By the class of the next word (a closed list of words that no noun phrase begins with; punctuation), and
/// where it may be both, by the verb before it ("took her home", "at her home") and the word after that.
/// Ref: the decision that docs/mitigation.md measures on text with natural "him" and "his".
bool her_is_possessive(const PronounContext& context);

/// Whether "his" belongs to a noun that follows ("his book": her) or stands alone ("a friend of his": hers).
bool his_is_possessive(const PronounContext& context);

}  // namespace discreet::mitigate
