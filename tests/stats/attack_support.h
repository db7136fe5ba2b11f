#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "discreet/core/random.h"
#include "discreet/stats/attack.h"

namespace discreet::stats {

inline AttackScores run_attack(const std::string& name, const AttackData& data,
                               const std::vector<std::string>& set = {}) {
  core::Config config;
  for (const std::string& assignment : set) config.add_assignment(assignment);
  return core::registry().make<AttackRule>("attack", name).run(data, config);
}

inline std::string attack_misses(const std::string& name, const AttackData& data) {
  return core::registry().make<AttackRule>("attack", name).missing(data);
}

/// Members and non-members of a target beside M shadow models that saw random halves. The logit of an
/// example under a model is its difficulty, plus `gain` if the model saw it, plus noise.
struct SimulatedAudit {
  AttackData data;
  std::vector<std::uint8_t> member;
};
inline SimulatedAudit simulate_audit(std::size_t n, std::size_t models, double gain, std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "simulated audit");
  SimulatedAudit audit;
  AttackData& data = audit.data;
  data.examples = n;
  data.models = models;
  const auto log_sigmoid = [](double x) { return x > 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x)); };
  for (std::size_t i = 0; i < n; ++i) {
    const double difficulty = 2 * rng.normal();
    audit.member.push_back(rng.below(2) == 1 ? 1 : 0);
    data.signal.push_back(difficulty + gain * audit.member.back() + 0.5 * rng.normal());
    data.log_prob.push_back(log_sigmoid(data.signal.back()));
    for (std::size_t m = 0; m < models; ++m) {
      // Random halves, but never all models on one side.
      data.in.push_back(m == 1 ? 1 - data.in.back() : rng.below(2) == 1 ? 1 : 0);
      data.shadow_signal.push_back(difficulty + gain * data.in.back() + 0.5 * rng.normal());
      data.shadow_log_prob.push_back(log_sigmoid(data.shadow_signal.back()));
    }
    data.features.push_back(difficulty);
  }
  data.feature_count = 1;
  return audit;
}

/// Scores of members and of others, without NaN.
inline std::pair<std::vector<double>, std::vector<double>> by_side(const std::vector<double>& score,
                                                                   const std::vector<std::uint8_t>& member) {
  std::pair<std::vector<double>, std::vector<double>> sides;
  for (std::size_t i = 0; i < score.size(); ++i) {
    if (!std::isnan(score[i])) (member[i] == 1 ? sides.first : sides.second).push_back(score[i]);
  }
  return sides;
}

}  // namespace discreet::stats
