#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/text/example.h"

namespace discreet::text::internal {

/// Bytes [begin, end) of a text.
struct Span {
  std::size_t begin = 0, end = 0;
};

/// A sentence with a pronoun and two that it may mean.
struct PronounQuestion {
  std::string text;
  Span first, second;  ///< In any order; `second.end` 0: there is only one candidate.
  Span pronoun;
  int answer = 0;  ///< 0: `first`; 1: `second`; -1: neither.
};

/// The words that stand before both candidates, in their order in the text, and before the pronoun: what a
/// classifier of texts sees of the question.
inline constexpr const char *kFirstMark = "candidateone", *kSecondMark = "candidatetwo", *kPronounMark = "thepronoun";

/// Text with marks, and the label: first, second (in the order of the text) or neither. False for spans that are
/// outside of the text or within one another.
bool set_question(const PronounQuestion& question, Example& example);

/// "male", "female", "neutral", or empty for a word that is no pronoun of the third person.
std::string pronoun_gender(const std::string& pronoun);

/// The place of the code point `number` in bytes; the text's size at and beyond its end.
std::size_t byte_of_code_point(const std::string& text, std::int64_t number);

/// The first of WinoBias's 40 occupations in lower-case `text` as a whole word, at or behind `from`; absent ones
/// have end 0. The longest wins where several begin. Ref: Zhao et al. 2018.
Span find_occupation(const std::string& text, std::size_t from);

}  // namespace discreet::text::internal
