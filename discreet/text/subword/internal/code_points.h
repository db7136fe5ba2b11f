#pragma once

#include <cstdint>
#include <vector>

#include "discreet/text/subword/internal/aligned.h"

namespace discreet::text::subword {

/// What Hugging Face `tokenizers` 0.23 takes a code point for. Its parts follow different versions of
/// Unicode (8 for BERT's categories, 13 for accents, 16 and 17 elsewhere), and ids depend on them, so
/// the classes are data of ours and not of the system's Unicode library.
enum ClassBit : std::uint16_t {
  kLetter = 1,        ///< \p{L} of patterns
  kNumber = 2,        ///< \p{N} of patterns
  kSpace = 4,         ///< White_Space
  kWord = 8,          ///< \w of `Whitespace` and of single-word tokens
  kRemoved = 16,      ///< what BERT's cleaning drops; before kSpace
  kPunctuation = 32,  ///< BertPreTokenizer, Punctuation
  kAccent = 64,       ///< nonspacing marks that BERT strips
  kMark = 128,        ///< combining marks that StripAccents strips
  kNumeric = 256,     ///< Digits
};

/// All 0x110000 classes, made once.
const std::uint16_t* class_table();
inline bool is(std::uint16_t classes, ClassBit bit) { return (classes & bit) != 0; }

/// Characters which BERT sets apart by spaces.
bool is_bert_ideograph(char32_t c);

/// Full lower case of one code point: one or two.
struct Lower {
  char32_t first;
  char32_t second;  ///< 0 if there is none
};
Lower lower_case(char32_t c);

enum class NormalForm { kD, kKD, kC, kKC };

/// The normal form of `text` as changes to it. Decompositions are those of Unicode 12.1.
void normal_form_changes(std::string_view text, NormalForm form, std::vector<Change>& changes);

}  // namespace discreet::text::subword
