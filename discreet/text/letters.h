#pragma once

#include <string>
#include <string_view>

namespace discreet::text {

// Letters and their case by code point; text/unicode.h has what tokenisers need. All text must be UTF-8.

/// Simple upper-casing, code point by code point.
std::string uppercase(std::string_view text);
/// The first code point in title case, the rest as it is.
std::string capitalise(std::string_view text);

/// Letters and marks; letters in upper or title case; those in lower case.
bool is_letter(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
/// Signs of punctuation, "_" among them; not those of money, mathematics or pictures.
bool is_punctuation(char32_t c);
/// Of a decimal digit of any script: 0 to 9.
int digit_value(char32_t c);

}  // namespace discreet::text
