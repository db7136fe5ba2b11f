#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/stats/intervals.h"
#include "discreet/stats/random_effects.h"
#include "discreet/stats/weat.h"

namespace discreet::stats {

/// A set of words, each with the vectors of its contexts: [contexts, d], at least one.
using ContextualSet = std::vector<WordSet>;

struct CeatOptions {
  std::uint64_t draws = 1000;  ///< N: one context per word is drawn so often.
  /// As the paper has it: a word with at least N contexts uses each once, in random order; others, and all
  /// words where this is off (the authors' code), draw with replacement.
  bool without_replacement = true;
  std::uint64_t seed = 0;
  std::uint64_t resamples = 200;        ///< Of the bootstrap over words and contexts; 0: no interval.
  /// N of each of them, at most `draws`. Effects of draws differ about as much as those of resamples do, so that
  /// 200 add .25 % to the interval's length.
  std::uint64_t resample_draws = 200;
  double confidence = 0.95;
};

struct CeatResult {
  CombinedEffect combined;
  std::uint64_t draws = 0;
  std::uint64_t undefined = 0;  ///< Draws whose associations were all equal: they have no effect size.
  double mean_effect = 0, effect_deviation = 0;  ///< Of the draws' own effect sizes.
  std::optional<Interval> ci;   ///< Of the combined effect.
  std::string ci_reason;        ///< Why there is none.
};

/// The contextualised embedding association test: for each draw the effect size of WEAT (divisor n - 1) on
/// one context of every word, combined by random effects.
///
/// The interval resamples words within the four sets and contexts within each word, and combines anew: it
/// does not shrink with N, as the combination's own standard error does.
/// Cost: O(draws x words x d), and that of `resample_draws` for every resample.
/// Edge cases: one draw: tau^2 is 0; draws without an effect are left out and counted.
/// Throws: kInternal for an empty set or word, unequal dimensions; kBadData for a zero vector.
/// Ref: Guo and Caliskan 2021, and the supplement's sections 8.1 to 8.3.
CeatResult ceat(const ContextualSet& x, const ContextualSet& y, const ContextualSet& a, const ContextualSet& b,
                const CeatOptions& options = {});

}  // namespace discreet::stats
