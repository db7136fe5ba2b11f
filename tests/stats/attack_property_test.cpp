#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/stats/attack_support.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {
namespace {

const std::vector<std::string> kShadowAttacks = {"loss",         "difficulty-calibration", "lira-online", "lira-offline",
                                                 "rmia-online", "rmia-offline",           "shadow-models"};

double auc_of(const std::vector<double>& score, const std::vector<std::uint8_t>& member) {
  const auto [members, others] = by_side(score, member);
  return delong(members, others).auc;
}

TEST(AttackProperty, NothingIsFoundWhereMembershipIsPermuted) {
  // 20 permutations of 600 labels each: the mean AUC has deviation .0236/sqrt(20) = .0053; 5 of these.
  const SimulatedAudit audit = simulate_audit(600, 8, 2, 11);
  for (const std::string& name : kShadowAttacks) {
    const std::vector<double> score = run_attack(name, audit.data).score;
    core::ReproducibleRng rng(17, name);
    double sum = 0;
    for (int round = 0; round < 20; ++round) {
      std::vector<std::uint8_t> member = audit.member;
      core::shuffle(std::span<std::uint8_t>(member), rng);
      sum += auc_of(score, member);
    }
    EXPECT_NEAR(sum / 20, .5, .0264) << name;
    EXPECT_GT(auc_of(score, audit.member), .6) << name;
  }
}

TEST(AttackProperty, ShadowModelsInAnyOrderSayTheSame) {
  const SimulatedAudit audit = simulate_audit(200, 6, 1, 4);
  AttackData turned = audit.data;
  for (std::size_t i = 0; i < turned.examples; ++i) {
    for (std::size_t m = 0; m < turned.models; ++m) {
      const std::size_t to = i * turned.models + m, from = i * turned.models + (turned.models - 1 - m);
      turned.shadow_signal[to] = audit.data.shadow_signal[from];
      turned.shadow_log_prob[to] = audit.data.shadow_log_prob[from];
      turned.in[to] = audit.data.in[from];
    }
  }
  for (const std::string& name : kShadowAttacks) {
    const auto a = run_attack(name, audit.data).score, b = run_attack(name, turned).score;
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-9) << name;
  }
}

TEST(AttackProperty, LiraIsFreeOfShiftAndScaleOfTheSignal) {
  const SimulatedAudit audit = simulate_audit(200, 6, 1, 5);
  AttackData other = audit.data;
  for (double& value : other.signal) value = 3 * value - 7;
  for (double& value : other.shadow_signal) value = 3 * value - 7;
  for (const char* name : {"lira-online", "lira-offline"}) {
    const auto a = run_attack(name, audit.data).score, b = run_attack(name, other).score;
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-8) << name;
  }
}

TEST(AttackProperty, RmiaIsFreeOfTheScaleOfProbabilities) {
  // Densities may be scaled by a constant only where P is (online).
  const SimulatedAudit audit = simulate_audit(200, 6, 1, 6);
  AttackData other = audit.data;
  for (double& value : other.log_prob) value += 2;
  for (double& value : other.shadow_log_prob) value += 2;
  EXPECT_EQ(run_attack("rmia-online", audit.data).score, run_attack("rmia-online", other).score);
}

TEST(AttackProperty, MonotoneTransformationsChangeNoFigure) {
  const SimulatedAudit audit = simulate_audit(300, 6, 1, 7);
  for (const std::string& name : kShadowAttacks) {
    std::vector<double> score = run_attack(name, audit.data).score;
    const double before = auc_of(score, audit.member);
    for (double& value : score) value = std::atan(value);
    EXPECT_NEAR(auc_of(score, audit.member), before, 1e-3) << name;  // atan may round neighbours together
  }
}

TEST(AttackProperty, PopulationIsNeverScored) {
  SimulatedAudit audit = simulate_audit(300, 6, 1, 8);
  audit.data.population.assign(300, 0);
  for (std::size_t i = 0; i < 60; ++i) audit.data.population[i] = 1;
  for (const core::Entry* entry : core::registry().list("attack")) {
    if (!attack_misses(entry->name, audit.data).empty()) continue;
    const std::vector<double> score = run_attack(entry->name, audit.data, {"quantile-regression.level=0.5"}).score;
    for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(std::isnan(score[i]), i < 60) << entry->name << " " << i;
  }
}

}  // namespace
}  // namespace discreet::stats
