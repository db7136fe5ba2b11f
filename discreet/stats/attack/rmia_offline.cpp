#include "discreet/stats/internal/rmia.h"

#include <cmath>

#include "discreet/stats/roc.h"

namespace discreet {
namespace stats {
namespace {

struct RmiaOfflineOptions {
  double alpha = 0.3;
  double gamma = 1;
  bool tune = false;
};

const core::Fields<RmiaOfflineOptions>& rmia_offline_fields() {
  static const auto fields =
      core::Fields<RmiaOfflineOptions>("rmia-offline")
          .add("alpha", &RmiaOfflineOptions::alpha,
               {.min = 0,
                .max = 1,
                .doc = "How a model with the example is taken to differ from one without: P(x) = (1 + alpha)/2 times the "
                       "mean without, plus (1 - alpha)/2."})
          .add("gamma", &RmiaOfflineOptions::gamma,
               {.min = 0, .max = 1e6, .above_min = true, .doc = "A pair counts where its ratio is larger than this."})
          .add("tune", &RmiaOfflineOptions::tune,
               {.doc = "Choose alpha among 0, .1, … 1 by attacking the first shadow model with the others."});
  return fields;
}

std::string rmia_offline_missing(const AttackData& data) {
  return missing_shadows(data, data.shadow_log_prob, false);
}

/// The AUC of the attack on shadow model 0, whose members are known.
std::optional<double> auc_on_first_model(const AttackData& data, double alpha, double gamma) {
  std::vector<double> log_prob(data.examples);
  for (std::size_t i = 0; i < data.examples; ++i) log_prob[i] = data.shadow_log_prob[i * data.models];
  const std::vector<double> scores =
      internal::rmia_scores(data, internal::rmia_ratios(data, log_prob, false, alpha, 0), gamma);
  std::vector<double> members, others;
  for (std::size_t i = 0; i < data.examples; ++i) {
    if (!std::isnan(scores[i])) (data.in[i * data.models] != 0 ? members : others).push_back(scores[i]);
  }
  if (members.empty() || others.empty()) return std::nullopt;
  return delong(members, others).auc;
}

AttackScores rmia_offline(const AttackData& data, const core::Config& config) {
  RmiaOfflineOptions options = rmia_offline_fields().parse(config);
  AttackScores scores = no_scores(data);
  if (options.tune) {
    if (data.models < 2 || !auc_on_first_model(data, options.alpha, options.gamma)) {
      throw usage_error("rmia-offline.tune needs two shadow models, the first with members and others among the examples",
                        "Leave tune out: alpha is then .3 or what is given.");
    }
    double best = -1;
    for (int tenth = 0; tenth <= 10; ++tenth) {
      const double auc = *auc_on_first_model(data, tenth / 10.0, options.gamma);
      if (auc > best) {
        best = auc;
        options.alpha = tenth / 10.0;
      }
    }
    scores.settings["tuned"] = true;
  }
  scores.score = internal::rmia_scores(
      data, internal::rmia_ratios(data, data.log_prob, false, options.alpha, internal::kNoModel), options.gamma);
  scores.unscored_reason = "no shadow model without the example";
  scores.settings["alpha"] = options.alpha;
  scores.settings["gamma"] = options.gamma;
  return scores;
}

}  // namespace
}  // namespace stats

void register_attack_rmia_offline(core::Registry& registry) {
  registry.add({.kind = "attack",
                .name = "rmia-offline",
                .summary = "Likelihood ratios of the example against others, from shadow models without the example",
                .reference = "Zarifzadeh, Liu, Shokri 2024",
                .fields = stats::rmia_offline_fields().info(),
                .make = stats::AttackRule{&stats::rmia_offline_missing, &stats::rmia_offline}});
}

}  // namespace discreet
