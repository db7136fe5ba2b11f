#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::text {

/// A sentence with secret places: "call {digit:4}" is the word call and four digits.
///
/// Words are separated by blanks. A place is {CLASS} or {CLASS:N}, which stands for N places:
///   digit    0 … 9
///   colour   16 names of colours
///   name     64 first names
///   token    1,000 made-up words that no text has, the same for every seed
///   a|b|c    the words given
/// The published patterns: "call {digit:4}", "my pin code is {digit:6}", "my favorite color is {colour}".
struct CanaryPattern {
  std::vector<std::string> words;     ///< Empty at the secret places.
  std::vector<std::int64_t> secret;   ///< Places among `words`, rising.
  std::vector<std::vector<std::string>> candidates;  ///< What may stand at each secret place.

  /// Number of sentences that the pattern can be; infinity where a double cannot count them.
  double space() const;
  /// The sentence with candidate code[i] at secret place i.
  std::vector<std::string> sentence(const std::vector<std::int64_t>& code) const;
  /// Code of number `index` in 0 .. space() - 1, the last place fastest.
  std::vector<std::int64_t> code_of(std::uint64_t index) const;
  /// The reverse of `code_of`. The space must have a number for it: at most 2^64 sentences.
  std::uint64_t number_of(const std::vector<std::int64_t>& code) const;
  /// The reverse of `sentence`. Throws: kBadData if `words` is none of the pattern's sentences.
  std::vector<std::int64_t> code_in(const std::vector<std::string>& words) const;
  /// Each place by itself, uniformly.
  std::vector<std::int64_t> draw(core::ReproducibleRng& rng) const;
  /// BIO tags of the sentence: the places' runs are slots of type `slot`, all else is O.
  std::vector<std::string> tags(const std::string& slot) const;
};

/// Throws: kUsage naming the part that is wrong, or that there is no secret place.
CanaryPattern parse_canary_pattern(const std::string& pattern);

}  // namespace discreet::text
