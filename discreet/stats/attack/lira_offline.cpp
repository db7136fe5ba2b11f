#include <cmath>

#include "discreet/stats/internal/lira.h"

namespace discreet {
namespace stats {
namespace {

enum class LiraForm { kOneSided, kTwoSided };

struct LiraOfflineOptions {
  LiraForm form = LiraForm::kOneSided;
  internal::LiraVariance variance = internal::LiraVariance::kAuto;
};

const core::Fields<LiraOfflineOptions>& lira_offline_fields() {
  static const auto fields =
      core::Fields<LiraOfflineOptions>("lira-offline")
          .add("form", &LiraOfflineOptions::form,
               {.choices = {"one-sided", "two-sided"},
                .doc = "one-sided: how far the signal lies above what models without the example give (the paper's "
                       "test); two-sided: how unlikely it is there, unusually low confidence included (the form of "
                       "the code that the authors released)."})
          .add("variance", &LiraOfflineOptions::variance, internal::lira_variance_spec());
  return fields;
}

std::string lira_offline_missing(const AttackData& data) {
  return missing_shadows(data, data.shadow_signal, false);
}

AttackScores lira_offline(const AttackData& data, const core::Config& config) {
  const LiraOfflineOptions options = lira_offline_fields().parse(config);
  const internal::LiraFit out = internal::fit_lira(data, false, options.variance);
  AttackScores scores = no_scores(data);
  scores.unscored_reason = "too few shadow models without the example, or signals without variance";
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    const double z = (data.signal[i] - out.center[i]) / out.deviation[i];
    if (std::isnan(z)) continue;
    scores.score[i] = options.form == LiraForm::kOneSided
                          ? log_normal_cdf(z)
                          : z * z / 2 + std::log(out.deviation[i]) + std::log(2 * std::acos(-1.0)) / 2;
  }
  scores.settings["form"] = options.form == LiraForm::kOneSided ? "one-sided" : "two-sided";
  scores.settings["variance"] = out.pooled ? "fixed" : "per-example";
  if (out.pooled) scores.settings["deviation_out"] = *out.pooled;
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_lira_offline(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "lira-offline",
                .summary = "The signal against its distribution under shadow models without the example",
                .reference = "Carlini et al. 2022, section VI.B",
                .fields = stats::lira_offline_fields().info(),
                .make = stats::AttackRule{&stats::lira_offline_missing, &stats::lira_offline}});
}

}  // namespace discreet
