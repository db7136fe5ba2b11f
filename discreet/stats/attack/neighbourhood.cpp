#include "discreet/stats/attack.h"

namespace discreet {
namespace stats {
namespace {

std::string neighbourhood_missing(const AttackData& data) {
  if (data.log_prob.empty()) return "a loss of the target model";
  return data.neighbour_log_prob.empty() ? "losses of neighbours (perturbed copies)" : "";
}

AttackScores neighbourhood(const AttackData& data, const core::Config&) {
  AttackScores scores = no_scores(data);
  scores.unscored_reason = "no neighbours";
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (data.audited(i)) scores.score[i] = data.log_prob[i] - data.neighbour_log_prob[i];
  }
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_neighbourhood(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "neighbourhood",
                .summary = "The loss, less its mean over perturbed copies of the text under the same model",
                .reference = "Mattern et al. 2023",
                .make = stats::AttackRule{&stats::neighbourhood_missing, &stats::neighbourhood}});
}

}  // namespace discreet
