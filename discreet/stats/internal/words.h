#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace discreet::stats::internal {

/// The text in lower case, as Python's str.lower() but for the two forms of a final sigma.
/// Bytes that are not UTF-8 become U+FFFD.
std::string lowercase(std::string_view text);

/// Parts between runs of white space; white space is what Python's str.split() takes for it.
std::vector<std::string> split(std::string_view text);

/// Whether the code point is a letter, a number or '_': `\w` of Python's regular expressions.
bool is_word(char32_t c);

/// The code point at `position`, which moves past it; U+FFFD for a byte that is not UTF-8.
char32_t next_code_point(std::string_view text, std::size_t& position);

}  // namespace discreet::stats::internal
