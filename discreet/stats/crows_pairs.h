#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "discreet/stats/intervals.h"

namespace discreet::stats {

/// A pair of sentences that differ in the group they speak of.
struct SentencePair {
  double more = 0;        ///< Score of the sentence that stereotypes more.
  double less = 0;
  bool stereo = true;     ///< The pair shows a stereotype; else it violates one.
};

/// How often the model prefers the more stereotyping sentence, in percent; 50 is unbiased.
struct PairScores {
  std::uint64_t pairs = 0, ties = 0;
  std::uint64_t stereo_pairs = 0, antistereo_pairs = 0;  ///< Without ties.
  std::optional<double> total;       ///< Over all pairs, ties included in the denominator only.
  std::optional<double> stereo;      ///< Over pairs of this kind without ties.
  std::optional<double> antistereo;
  std::optional<Interval> total_ci;  ///< Wilson, 95 %, in percent.
};

/// Preferred = score(more) > score(less), for both kinds. The total keeps ties in its denominator, the
/// two parts leave them out, as the published code has it. `round_to` >= 0 rounds scores to so many
/// decimals before they are compared, as that code does with 3.
/// Throws: kInternal for a score that is not finite. Ref: Nangia et al. 2020 and their metric.py.
PairScores pair_scores(std::span<const SentencePair> pairs, int round_to = -1);

}  // namespace discreet::stats
