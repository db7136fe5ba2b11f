#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/config.h"
#include "discreet/core/json.h"
#include "discreet/core/registry.h"

namespace discreet::stats {

/// All that a membership attack may see. Which examples are members is not here, so that no attack can
/// look; only the shadow models' training sets, which the attacker made, are known.
///
/// Shapes: N examples, M shadow models, K classes, F features, T tokens. What is not known is empty.
struct AttackData {
  std::size_t examples = 0;
  std::size_t models = 0;
  std::size_t classes = 0;
  std::size_t feature_count = 0;
  std::vector<double> log_prob;  ///< [N] log p of the true label under the target; of text: the mean per token.
  std::vector<double> signal;    ///< [N] what LiRA models as normal: the logit of the label, or log_prob.
  std::vector<double> shadow_log_prob;    ///< [N*M] example by example.
  std::vector<double> shadow_signal;      ///< [N*M]
  std::vector<std::uint8_t> in;           ///< [N*M] 1: that model was trained on that example.
  std::vector<std::int64_t> label;        ///< [N] class, 0..; empty: not classified.
  std::vector<float> log_posterior;         ///< [N*K]
  std::vector<float> shadow_log_posterior;  ///< [N*M*K]
  std::vector<double> features;           ///< [N*F] of quantile regression.
  std::vector<std::uint8_t> population;   ///< [N] 1: a non-member that the attacker knows; it is not audited.
  std::vector<std::size_t> offsets;       ///< [N+1] tokens of each example.
  std::vector<double> token_log_prob;     ///< [T]
  std::vector<double> token_mean;  ///< [T] mean of the log-probability of a token drawn from the model there.
  std::vector<double> token_deviation;     ///< [T] its standard deviation.
  std::vector<double> compressed_bytes;    ///< [N] of the text under zlib.
  std::vector<double> neighbour_log_prob;  ///< [N] mean log_prob of perturbed copies.

  bool audited(std::size_t i) const { return population.empty() || population[i] == 0; }
};

/// Higher = more likely a member; NaN where the attack cannot judge an example, and for the population.
struct AttackScores {
  std::vector<double> score;
  std::string unscored_reason;   ///< Why some audited examples have no score.
  Json settings = Json::object();  ///< What was chosen on the data: variances, tuned options.
};

/// An attack, as it stands in the registry (kind "attack").
struct AttackRule {
  /// What `data` lack for this attack, in words that end a sentence; empty if it can run.
  std::string (*missing)(const AttackData& data) = nullptr;
  /// `options` holds a table under the attack's name. Throws: kUsage for an option out of bounds.
  AttackScores (*run)(const AttackData& data, const core::Config& options) = nullptr;
};

/// NaN for every example.
AttackScores no_scores(const AttackData& data);

/// The values of `values` (a row of M) under models that saw the example, and under those that did not.
struct ShadowSides {
  std::vector<double> in, out;
};
ShadowSides shadow_sides(const AttackData& data, std::span<const double> values, std::size_t example);

/// "shadow models that saw it and others", or empty if some audited example has both.
std::string missing_shadows(const AttackData& data, std::span<const double> values, bool both_sides);

/// The mean of the two middle values for an even number. Throws: kInternal if empty.
double median(std::vector<double> values);

/// The logit of the true label, log p_y - log of the sum of the others, from K logits in double, without
/// cancellation. Ref: Carlini et al. 2022.
double label_logit(std::span<const double> logits, std::size_t label);

/// The same from log p alone: log p - log(1 - p), 1 - p at least 1e-45.
double logit_of_log_prob(double log_prob);

/// log Phi(z), and beyond z = 37, where Phi is 1 in double, still rising with z.
double log_normal_cdf(double z);

}  // namespace discreet::stats
