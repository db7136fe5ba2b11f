#include "discreet/stats/internal/least_tokens.h"

namespace discreet {
namespace stats {
namespace {

struct MinKPlusPlusOptions {
  double share = 0.2;
};

const core::Fields<MinKPlusPlusOptions>& min_k_plus_plus_fields() {
  static const auto fields =
      core::Fields<MinKPlusPlusOptions>("min-k++").add("share", &MinKPlusPlusOptions::share, internal::least_share_spec());
  return fields;
}

std::string min_k_plus_plus_missing(const AttackData& data) {
  if (data.token_log_prob.empty()) return "log-probabilities of tokens";
  return data.token_mean.empty() ? "mean and deviation of the log-probabilities over the vocabulary" : "";
}

AttackScores min_k_plus_plus(const AttackData& data, const core::Config& config) {
  const MinKPlusPlusOptions options = min_k_plus_plus_fields().parse(config);
  AttackScores scores = no_scores(data);
  scores.unscored_reason = "no token whose log-probability varies over the vocabulary";
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    std::vector<double> standardised;
    for (std::size_t t = data.offsets[i]; t < data.offsets[i + 1]; ++t) {
      if (data.token_deviation[t] > 0) {
        standardised.push_back((data.token_log_prob[t] - data.token_mean[t]) / data.token_deviation[t]);
      }
    }
    scores.score[i] = internal::mean_of_least(std::move(standardised), options.share);
  }
  scores.settings["share"] = options.share;
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_min_k_plus_plus(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "min-k++",
                .summary = "The same with each log-probability standardised over the vocabulary (Min-K%++)",
                .reference = "Zhang et al. 2024",
                .fields = stats::min_k_plus_plus_fields().info(),
                .make = stats::AttackRule{&stats::min_k_plus_plus_missing, &stats::min_k_plus_plus}});
}

}  // namespace discreet
