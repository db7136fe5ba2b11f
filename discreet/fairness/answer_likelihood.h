#pragma once

#include <span>
#include <string>
#include <vector>

#include "discreet/fairness/text_coder.h"
#include "discreet/fairness/token_model.h"

namespace discreet::fairness {

/// A question with its answers, of which a model is to find one likeliest.
struct ChoiceQuestion {
  std::string prompt;
  std::vector<std::string> answers;
};

/// scores[q][a]: the mean over the answer's tokens of log P(token | prompt and, for a causal model, the
/// answer's earlier tokens; for a masked model, all its other tokens). The mean, so that long answers do
/// not lose by their length; `sum` takes the sum instead. Prompt and answer are one text with a space
/// between.
/// Throws: kUsage without a mask or mark of beginning; kBadData for an answer without a token.
std::vector<std::vector<double>> answer_scores(TokenModel& model, const TextCoder& coder,
                                               std::span<const ChoiceQuestion> questions, bool sum = false,
                                               const AskOptions& options = {});

}  // namespace discreet::fairness
