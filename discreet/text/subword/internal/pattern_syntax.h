#pragma once

#include <string>

namespace discreet::text::subword {

/// A pattern in Oniguruma's syntax (Ruby's, which Hugging Face's patterns are written in) as PCRE2 spells it: sets of
/// characters with Oniguruma's members, classes in classes as alternatives, \b by what a word is there, {,n}, \uXXXX.
/// Throws: kBadData naming what the two read differently and has no spelling: \h, \R, \X, \K, \G, &&, (?m), (?x),
/// {n}? and {n,m}+, and under (?i) letters that match several others together (ss and ß).
std::string pcre2_syntax(const std::string& pattern, const std::string& where);

/// Throws: kBadData with the pattern, and that the two libraries differ.
[[noreturn]] void refuse_pattern(const std::string& where, const std::string& pattern, const std::string& what);

}  // namespace discreet::text::subword
