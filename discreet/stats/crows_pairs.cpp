#include "discreet/stats/crows_pairs.h"

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

std::optional<double> percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

PairScores pair_scores(std::span<const SentencePair> pairs, int round_to) {
  PairScores scores;
  std::uint64_t preferred_stereo = 0, preferred_antistereo = 0;
  const double scale = round_to >= 0 ? std::pow(10.0, round_to) : 0;
  const auto rounded = [&](double score) { return scale > 0 ? std::round(score * scale) / scale : score; };
  for (const SentencePair& pair : pairs) {
    if (!std::isfinite(pair.more) || !std::isfinite(pair.less)) {
      throw internal_error("a sentence score that is not finite");
    }
    const double more = rounded(pair.more), less = rounded(pair.less);
    if (more == less) {
      ++scores.ties;
      continue;
    }
    (pair.stereo ? scores.stereo_pairs : scores.antistereo_pairs) += 1;
    (pair.stereo ? preferred_stereo : preferred_antistereo) += more > less;
  }
  scores.pairs = pairs.size();
  const std::uint64_t preferred = preferred_stereo + preferred_antistereo;
  scores.total = percent(preferred, scores.pairs);
  scores.stereo = percent(preferred_stereo, scores.stereo_pairs);
  scores.antistereo = percent(preferred_antistereo, scores.antistereo_pairs);
  if (scores.pairs > 0) {
    const Interval ci = wilson(preferred, scores.pairs);
    scores.total_ci = Interval{100 * ci.low, 100 * ci.high};
  }
  return scores;
}

}  // namespace discreet::stats
