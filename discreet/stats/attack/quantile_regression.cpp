#include "discreet/stats/quantile_regression.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/stats/attack.h"

namespace discreet {
namespace stats {
namespace {

struct QuantileAttackOptions {
  double level = 0.9;
};

const core::Fields<QuantileAttackOptions>& quantile_attack_fields() {
  static const auto fields =
      core::Fields<QuantileAttackOptions>("quantile-regression")
          .add("level", &QuantileAttackOptions::level,
               {.min = 0,
                .max = 1,
                .above_min = true,
                .below_max = true,
                .doc = "Of the quantile among non-members: one minus the false positive rate that the attack aims at."});
  return fields;
}

std::string quantile_attack_missing(const AttackData& data) {
  if (data.signal.empty()) return "a signal of the target model";
  if (data.features.empty()) return "features of the examples";
  for (const std::uint8_t known : data.population) {
    if (known != 0) return {};
  }
  return "a population: non-members that the attacker knows";
}

AttackScores quantile_attack(const AttackData& data, const core::Config& config) {
  const QuantileAttackOptions options = quantile_attack_fields().parse(config);
  std::vector<double> rows, values;
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (data.audited(i)) continue;
    const auto first = data.features.begin() + static_cast<std::ptrdiff_t>(i * data.feature_count);
    rows.insert(rows.end(), first, first + static_cast<std::ptrdiff_t>(data.feature_count));
    values.push_back(data.signal[i]);
  }
  const double needed = 10 / std::min(options.level, 1 - options.level);
  if (static_cast<double>(values.size()) < needed * (1 - 1e-12)) {
    throw bad_data(fmt::format("a population of {} cannot show the quantile {}: expected at least {:.0f}", values.size(),
                               options.level, needed),
                   "Set aside more non-members (--population), or take a level nearer to the middle.");
  }
  const std::vector<double> weights = quantile_regression(rows, data.feature_count, values, options.level);
  AttackScores scores = no_scores(data);
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!data.audited(i)) continue;
    double quantile = weights[0];
    for (std::size_t f = 0; f < data.feature_count; ++f) {
      quantile += weights[f + 1] * data.features[i * data.feature_count + f];
    }
    scores.score[i] = data.signal[i] - quantile;
  }
  scores.settings["level"] = options.level;
  scores.settings["population"] = values.size();
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_quantile_regression(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "quantile-regression",
                .summary = "The signal less its quantile among non-members with such features; no shadow models",
                .reference = "Bertran et al. 2023; the regression here is linear",
                .fields = stats::quantile_attack_fields().info(),
                .make = stats::AttackRule{&stats::quantile_attack_missing, &stats::quantile_attack}});
}

}  // namespace discreet
