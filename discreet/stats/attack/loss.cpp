#include "discreet/stats/attack.h"

namespace discreet {
namespace stats {
namespace {

std::string loss_missing(const AttackData& data) {
  return data.log_prob.empty() && data.signal.empty() ? "a loss of the target model" : "";
}

AttackScores loss_attack(const AttackData& data, const core::Config&) {
  AttackScores scores = no_scores(data);
  const auto& values = data.log_prob.empty() ? data.signal : data.log_prob;
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (data.audited(i)) scores.score[i] = values[i];
  }
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_loss(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "loss",
                .summary = "One threshold on the loss of the target model for all examples",
                .reference = "Yeom et al. 2018",
                .make = stats::AttackRule{&stats::loss_missing, &stats::loss_attack}});
}

}  // namespace discreet
