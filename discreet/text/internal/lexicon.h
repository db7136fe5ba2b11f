#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::text::internal {

/// Ranks 0 .. n-1 with probability proportional to (rank + 1)^-exponent.
class ZipfSampler {
 public:
  ZipfSampler(std::size_t n, double exponent);
  std::size_t operator()(core::ReproducibleRng& rng) const;
  double probability(std::size_t rank) const;

 private:
  std::vector<double> cumulative_;
};

/// Coined words of one sort: a fixed list, the same for every seed, with Zipf popularity.
struct WordPool {
  std::vector<std::string> words;
  ZipfSampler popularity;
};

enum class PoolKind { kSurname, kPlace, kBrand, kTitle };

/// `size` different pronounceable words, made of syllables that suit the sort.
std::vector<std::string> coin_words(PoolKind kind, std::size_t size);

/// The pool of a sort, made once.
const WordPool& word_pool(PoolKind kind);

/// First names in pairs (female, male); a counterfactual swaps the two of a pair.
struct NamePair {
  const char* female;
  const char* male;
};
const std::vector<NamePair>& first_names();

/// Professions with the planted lean of the pronoun that follows. The leans are the corpus's own
/// and say nothing about people.
struct Profession {
  const char* name;
  bool leans_female;
};
const std::vector<Profession>& professions();

/// How speakers of the second dialect spell an ordinary word: `variant` 0, 1 or 2. Words of fewer
/// than three letters stay as they are.
std::string dialect_form(std::string_view word, int variant);

/// A word with one typing error; words of fewer than three bytes or with other than ASCII letters
/// stay.
std::string with_typo(const std::string& word, core::ReproducibleRng& rng);

}  // namespace discreet::text::internal
