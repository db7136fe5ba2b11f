#include "discreet/fairness/answer_likelihood.h"

#include "discreet/core/error.h"
#include "discreet/fairness/pair_likelihood.h"

namespace discreet::fairness {

std::vector<std::vector<double>> answer_scores(TokenModel& model, const TextCoder& coder,
                                               std::span<const ChoiceQuestion> questions, bool sum,
                                               const AskOptions& options) {
  if (model.causal() ? coder.start() < 0 : coder.mask() < 0) {
    throw usage_error(model.causal() ? "the tokenizer names no token that a text begins with"
                                     : "the tokenizer names no mask",
                      "Add it to tokenizer_config.json.");
  }
  std::vector<AskedText> texts;
  std::vector<std::size_t> ends;
  for (const ChoiceQuestion& question : questions) {
    for (const std::string& answer : question.answers) {
      const std::string text = question.prompt + " " + answer;
      const CodedText coded = coder.code(text);
      const auto begin = static_cast<std::int64_t>(question.prompt.size()) + 1;
      const auto [first, last] = coded.tokens_of(begin, static_cast<std::int64_t>(text.size()));
      if (first == last) throw bad_data("the answer '" + answer + "' has no token");
      if (model.causal()) {
        texts.push_back(causal_text(coded, coder.start(), first));
      } else {
        std::vector<std::int64_t> places;
        for (std::size_t i = first; i < last; ++i) places.push_back(static_cast<std::int64_t>(i));
        append_hidden(coded, places, coder.mask(), texts);
      }
      ends.push_back(texts.size());
    }
  }
  const auto logs = log_probs(model, texts, options);
  std::vector<std::vector<double>> scores;
  std::size_t place = 0, first = 0;
  for (const ChoiceQuestion& question : questions) {
    scores.emplace_back();
    for (std::size_t a = 0; a < question.answers.size(); ++a, first = ends[place++]) {
      double total = 0, tokens = 0;
      for (std::size_t t = first; t < ends[place]; ++t) {
        for (const double value : logs[t]) {
          total += value;
          ++tokens;
        }
      }
      scores.back().push_back(sum ? total : total / tokens);
    }
  }
  return scores;
}

}  // namespace discreet::fairness
