#include "discreet/app/text_metrics.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/stats/bleu.h"
#include "discreet/stats/rouge.h"

namespace discreet::app {

Json text_metrics(const std::vector<std::string>& predictions,
                  const std::vector<std::vector<std::string>>& references) {
  if (predictions.size() != references.size()) {
    throw internal_error(
        fmt::format("{} texts to be measured against {} references", predictions.size(), references.size()));
  }
  stats::RougeScorer rouge;
  stats::BleuScorer bleu;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    if (references[i].empty()) continue;
    rouge.add(predictions[i], references[i]);
    bleu.add(predictions[i], references[i]);
  }
  if (rouge.n == 0) return Json::object();
  return {{"rouge_1", *rouge.rouge_1()},
          {"rouge_2", *rouge.rouge_2()},
          {"rouge_l", *rouge.rouge_l()},
          {"rouge_l_beta12", *rouge.rouge_l_beta12()},
          {"bleu", bleu.score()}};
}

}  // namespace discreet::app
