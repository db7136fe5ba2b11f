#pragma once

#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// Metrics of texts against the texts that each of them may be: rouge_1, rouge_2, rouge_l (F1 in [0, 1], as
/// rouge_score without stems), rouge_l_beta12 (F with beta 1.2) and bleu (in [0, 100], as sacreBLEU's
/// default). Predictions without a reference are left out; none left gives no metric.
/// Throws: kInternal if the two have different lengths.
Json text_metrics(const std::vector<std::string>& predictions,
                  const std::vector<std::vector<std::string>>& references);

}  // namespace discreet::app
