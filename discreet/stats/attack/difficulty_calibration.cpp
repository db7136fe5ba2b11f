#include <numeric>

#include "discreet/stats/attack.h"

namespace discreet {
namespace stats {
namespace {

const std::vector<double>& calibrated_values(const AttackData& data) {
  return data.shadow_log_prob.empty() ? data.shadow_signal : data.shadow_log_prob;
}

std::string calibration_missing(const AttackData& data) {
  return missing_shadows(data, calibrated_values(data), false);
}

AttackScores calibration_attack(const AttackData& data, const core::Config&) {
  AttackScores scores = no_scores(data);
  scores.unscored_reason = "no model that was not trained on the example";
  const auto& target = data.shadow_log_prob.empty() ? data.signal : data.log_prob;
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    const std::vector<double> out = shadow_sides(data, calibrated_values(data), i).out;
    if (out.empty()) continue;
    scores.score[i] =
        target[i] - std::accumulate(out.begin(), out.end(), 0.0) / static_cast<double>(out.size());
  }
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_difficulty_calibration(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "difficulty-calibration",
                .summary = "The loss, less its mean under models that were not trained on the example",
                .reference = "Watson et al. 2022; with one reference model of text: Carlini et al. 2021",
                .make = stats::AttackRule{&stats::calibration_missing, &stats::calibration_attack}});
}

}  // namespace discreet
