#include "discreet/stats/internal/rmia.h"

namespace discreet {
namespace stats {
namespace {

struct RmiaOnlineOptions {
  double gamma = 1;
};

const core::Fields<RmiaOnlineOptions>& rmia_online_fields() {
  static const auto fields =
      core::Fields<RmiaOnlineOptions>("rmia-online")
          .add("gamma", &RmiaOnlineOptions::gamma,
               {.min = 0, .max = 1e6, .above_min = true, .doc = "A pair counts where its ratio is larger than this."});
  return fields;
}

std::string rmia_online_missing(const AttackData& data) {
  return missing_shadows(data, data.shadow_log_prob, true);
}

AttackScores rmia_online(const AttackData& data, const core::Config& config) {
  const RmiaOnlineOptions options = rmia_online_fields().parse(config);
  AttackScores scores = no_scores(data);
  scores.score = internal::rmia_scores(
      data, internal::rmia_ratios(data, data.log_prob, true, 0, internal::kNoModel), options.gamma);
  scores.unscored_reason = "no shadow model on one side";
  scores.settings["gamma"] = options.gamma;
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_rmia_online(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "rmia-online",
                .summary = "Likelihood ratios of the example against others, with shadow models of both sides",
                .reference = "Zarifzadeh, Liu, Shokri 2024",
                .fields = stats::rmia_online_fields().info(),
                .make = stats::AttackRule{&stats::rmia_online_missing, &stats::rmia_online}});
}

}  // namespace discreet
