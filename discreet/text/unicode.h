#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::text {

/// The place of the first byte that is not UTF-8 (overlong forms, surrogates and cut-off sequences
/// count as such), or npos.
std::size_t find_invalid_utf8(std::string_view text);

/// Throws: kBadData naming `where`, the byte's place from 1 and its value.
void require_utf8(std::string_view text, const std::string& where);

std::string latin1_to_utf8(std::string_view bytes);

/// The code point at `position`, which moves past it. `text` must be UTF-8.
char32_t next_code_point(std::string_view text, std::size_t& position);

/// Simple lower-casing, code point by code point; of the whole string, so that it is idempotent.
std::string lowercase(std::string_view text);
/// Unicode normalisation form C.
std::string to_nfc(std::string_view text);

bool is_space(char32_t c);
/// Letters, digits, marks and connectors: what a word is made of.
bool is_word(char32_t c);
bool is_digit(char32_t c);
/// Scripts written without spaces between words, of which each character is a token.
bool is_ideograph(char32_t c);

/// Ends of the extended grapheme clusters (UAX 29), as byte offsets; what a reader sees as
/// characters.
std::vector<std::size_t> grapheme_ends(std::string_view text);

/// Parts between runs of Unicode white space; none of them is empty.
std::vector<std::string> split_spaces(std::string_view text);

}  // namespace discreet::text
