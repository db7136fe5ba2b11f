#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/app/scores.h"

namespace discreet::app {

/// A span of a text that may be the answer; begin and end in bytes. The empty text says that nothing
/// answers (begin and end -1).
struct SpanAnswer {
  std::string text;
  std::int64_t begin = -1, end = -1;
  double score = 0;        ///< Sum of the logits of its two ends.
  double probability = 0;  ///< Softmax of the scores over the answers that are given.
};

/// The best answers to each example's question, best first, at most `n` of different text.
///
/// Over all windows of the example: pairs of the 20 best starts and ends whose rows stand in the text, in
/// order, at most lengths.answer apart; and, where training met such questions, that nothing answers, by
/// the window where its score is least.
/// Ref: Devlin et al. 2019, section 4.3.
std::vector<std::vector<SpanAnswer>> best_answers(const Encoder& encoder, const EncodedData& data,
                                                  const Scores& scores, std::size_t n);

}  // namespace discreet::app
