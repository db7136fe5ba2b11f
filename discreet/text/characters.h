#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace discreet::text {

/// The ids of characters, the same for every text: nothing of them is learnt from data, so a
/// private run owes nothing for them.
///
/// A code point below 128 is its own id. The others share 128 ids by their value modulo 128, in
/// which the letters of one script mostly stay apart. Two more ids mark a word's beginning and its
/// end.
inline constexpr std::int64_t kCharacterIds = 258;
inline constexpr std::int64_t kWordBegin = 256;
inline constexpr std::int64_t kWordEnd = 257;
/// Characters of a word that are read; what follows is left out, so that no word costs without
/// bound.
inline constexpr std::int64_t kLongestWord = 64;

/// Appends the word's ids between the marks of its beginning and end: at least two ids, at most
/// kLongestWord + 2. `word` must be UTF-8.
void append_characters(std::string_view word, std::vector<std::int64_t>& ids);

}  // namespace discreet::text
