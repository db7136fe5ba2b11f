#include "discreet/stats/internal/least_tokens.h"

namespace discreet {
namespace stats {
namespace {

struct MinKOptions {
  double share = 0.2;
};

const core::Fields<MinKOptions>& min_k_fields() {
  static const auto fields =
      core::Fields<MinKOptions>("min-k").add("share", &MinKOptions::share, internal::least_share_spec());
  return fields;
}

std::string min_k_missing(const AttackData& data) {
  return data.token_log_prob.empty() ? "log-probabilities of tokens" : "";
}

AttackScores min_k(const AttackData& data, const core::Config& config) {
  const MinKOptions options = min_k_fields().parse(config);
  AttackScores scores = no_scores(data);
  scores.unscored_reason = "no tokens";
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    const auto at = [&](std::size_t t) { return data.token_log_prob.begin() + static_cast<std::ptrdiff_t>(t); };
    scores.score[i] =
        internal::mean_of_least(std::vector<double>(at(data.offsets[i]), at(data.offsets[i + 1])), options.share);
  }
  scores.settings["share"] = options.share;
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_min_k(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "min-k",
                .summary = "Mean log-probability of the least likely tokens (Min-K% Prob)",
                .reference = "Shi et al. 2024",
                .fields = stats::min_k_fields().info(),
                .make = stats::AttackRule{&stats::min_k_missing, &stats::min_k}});
}

}  // namespace discreet
