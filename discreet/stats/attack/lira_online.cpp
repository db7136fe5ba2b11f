#include <cmath>

#include "discreet/stats/internal/lira.h"

namespace discreet {
namespace stats {
namespace {

struct LiraOnlineOptions {
  internal::LiraVariance variance = internal::LiraVariance::kAuto;
};

const core::Fields<LiraOnlineOptions>& lira_online_fields() {
  static const auto fields = core::Fields<LiraOnlineOptions>("lira-online")
                                 .add("variance", &LiraOnlineOptions::variance, internal::lira_variance_spec());
  return fields;
}

std::string lira_online_missing(const AttackData& data) {
  return missing_shadows(data, data.shadow_signal, true);
}

AttackScores lira_online(const AttackData& data, const core::Config& config) {
  const LiraOnlineOptions options = lira_online_fields().parse(config);
  const internal::LiraFit in = internal::fit_lira(data, true, options.variance);
  const internal::LiraFit out = internal::fit_lira(data, false, options.variance);
  AttackScores scores = no_scores(data);
  scores.unscored_reason = "too few shadow models on one side, or signals without variance";
  for (std::size_t i = 0; i < data.examples; ++i) {
    // NaN where either side has no fit.
    const double a = (data.signal[i] - in.center[i]) / in.deviation[i];
    const double b = (data.signal[i] - out.center[i]) / out.deviation[i];
    if (data.audited(i)) {
      scores.score[i] = (b * b - a * a) / 2 - std::log(in.deviation[i]) + std::log(out.deviation[i]);
    }
  }
  scores.settings["variance"] = in.pooled && out.pooled ? "fixed" : "per-example";
  if (in.pooled) scores.settings["deviation_in"] = *in.pooled;
  if (out.pooled) scores.settings["deviation_out"] = *out.pooled;
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_lira_online(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "lira-online",
                .summary = "Likelihood ratio of the signal under shadow models with and without the example",
                .reference = "Carlini et al. 2022, Algorithm 1",
                .fields = stats::lira_online_fields().info(),
                .make = stats::AttackRule{&stats::lira_online_missing, &stats::lira_online}});
}

}  // namespace discreet
