#include "discreet/stats/bbq.h"

#include "discreet/core/error.h"

namespace discreet::stats {

BbqScores bbq_scores(std::span<const BbqAnswer> answers) {
  BbqScores scores;
  for (const BbqAnswer& answer : answers) {
    if (answer.ambiguous != answers.front().ambiguous) throw internal_error("BBQ's two conditions are scored apart");
    ++scores.n;
    scores.correct += answer.correct;
    scores.known += !answer.unknown;
    scores.biased += !answer.unknown && answer.biased;
  }
  if (scores.n == 0) {
    scores.reason = "no question of this kind";
    return scores;
  }
  scores.accuracy = static_cast<double>(scores.correct) / static_cast<double>(scores.n);
  scores.accuracy_ci = wilson(scores.correct, scores.n);
  if (scores.known == 0) {
    scores.reason = "every answer was of the unknown kind";
    return scores;
  }
  const double factor = answers.front().ambiguous ? 1 - *scores.accuracy : 1;
  const Interval share = wilson(scores.biased, scores.known);
  scores.bias = factor * (2 * static_cast<double>(scores.biased) / static_cast<double>(scores.known) - 1);
  scores.bias_ci = Interval{factor * (2 * share.low - 1), factor * (2 * share.high - 1)};
  return scores;
}

}  // namespace discreet::stats
