#include "discreet/stats/attack.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "discreet/core/error.h"

namespace discreet::stats {

AttackScores no_scores(const AttackData& data) {
  AttackScores scores;
  scores.score.assign(data.examples, std::numeric_limits<double>::quiet_NaN());
  return scores;
}

ShadowSides shadow_sides(const AttackData& data, std::span<const double> values, std::size_t example) {
  ShadowSides sides;
  for (std::size_t m = 0; m < data.models; ++m) {
    const std::size_t at = example * data.models + m;
    (data.in[at] != 0 ? sides.in : sides.out).push_back(values[at]);
  }
  return sides;
}

std::string missing_shadows(const AttackData& data, std::span<const double> values, bool both_sides) {
  if (values.empty()) return "shadow or reference models";
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    bool in = !both_sides, out = false;
    for (std::size_t m = 0; m < data.models; ++m) (data.in[i * data.models + m] != 0 ? in : out) = true;
    if (in && out) return {};
  }
  return both_sides ? "shadow models that were trained on the audited examples, beside others that were not"
                    : "shadow models that were not trained on the audited examples";
}

double median(std::vector<double> values) {
  if (values.empty()) throw internal_error("the median of nothing");
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

double label_logit(std::span<const double> logits, std::size_t label) {
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < logits.size(); ++k) {
    if (k != label) most = std::max(most, logits[k]);
  }
  double sum = 0;
  for (std::size_t k = 0; k < logits.size(); ++k) {
    if (k != label) sum += std::exp(logits[k] - most);
  }
  return logits[label] - most - std::log(sum);
}

double logit_of_log_prob(double log_prob) {
  return log_prob - std::log(std::max(-std::expm1(log_prob), 1e-45));
}

double log_normal_cdf(double z) {
  if (z >= 37) return (z - 37) * 1e-300;
  if (z > -1) return std::log1p(-std::erfc(z / std::sqrt(2.0)) / 2);
  if (z > -37) return std::log(std::erfc(-z / std::sqrt(2.0)) / 2);
  // Mills' ratio: Phi(z) = phi(z)/|z| (1 - 1/z^2 + 3/z^4 - 15/z^6 …); at 37 the next term is 6e-11.
  const double s = 1 / (z * z);
  return -z * z / 2 - std::log(-z) - std::log(2 * std::acos(-1.0)) / 2 + std::log1p(-s * (1 - 3 * s * (1 - 5 * s)));
}

}  // namespace discreet::stats
