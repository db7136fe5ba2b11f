#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/mitigate/outcomes/reweighing.h"
#include "discreet/mitigate/outcomes/thresholds.h"

namespace discreet::mitigate {
namespace {

TEST(Reweighing, TableAndIndependence) {
  const std::vector<std::uint32_t> group = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1}, label = {1, 1, 1, 0, 1, 0, 0, 0, 0, 0};
  const Reweighing weights = reweigh(group, 2, label, 2);
  EXPECT_NEAR(weights.weight(0, 0), 2.4, 1e-12);
  EXPECT_NEAR(weights.weight(0, 1), .533333333333, 1e-9);
  EXPECT_NEAR(weights.weight(1, 0), .72, 1e-12);
  EXPECT_NEAR(weights.weight(1, 1), 2.4, 1e-12);
  double total = 0, a = 0, positive = 0, both = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const double w = weights.weight(group[i], label[i]);
    total += w;
    a += group[i] == 0 ? w : 0;
    positive += label[i] == 1 ? w : 0;
    both += group[i] == 0 && label[i] == 1 ? w : 0;
  }
  EXPECT_NEAR(total, 10, 1e-12);
  EXPECT_NEAR(both * total, a * positive, 1e-12);
}

TEST(Reweighing, AnEmptyCellIsReported) {
  const std::vector<std::uint32_t> group = {0, 0, 1}, label = {0, 1, 1};
  const Reweighing weights = reweigh(group, 2, label, 2);
  ASSERT_EQ(weights.empty.size(), 1u);
  EXPECT_EQ(weights.empty[0].group, 1u);
  EXPECT_EQ(weights.empty[0].label, 0u);
}

struct Case {
  std::vector<std::uint32_t> group;
  std::vector<std::uint8_t> label;
  std::vector<double> score;
  std::size_t groups = 2;
  ScoredRows rows() const { return {group, groups, label, score}; }
};

Case random_case(std::uint64_t seed, std::size_t n, std::size_t groups) {
  core::ReproducibleRng rng(seed);
  Case c{.group = {}, .label = {}, .score = {}, .groups = groups};
  for (std::size_t i = 0; i < n; ++i) {
    const auto g = static_cast<std::uint32_t>(i % groups);
    const auto y = static_cast<std::uint8_t>(i < 2 * groups ? (i / groups) % 2 : rng.uniform() < (g == 0 ? .6 : .35) ? 1 : 0);
    c.group.push_back(g);
    c.label.push_back(y);
    // Rounded, so that scores tie.
    c.score.push_back(std::round(4 * (y + (g == 0 ? .4 : 0) + (.5 + g) * rng.normal())) / 4);
  }
  return c;
}

std::vector<double> probabilities(const Case& c, const ThresholdChoice& choice) {
  std::vector<double> p;
  for (std::size_t i = 0; i < c.group.size(); ++i) p.push_back(choice.rule[c.group[i]].probability(c.score[i]));
  return p;
}

double cost_of(const Case& c, const std::vector<double>& p, const ThresholdCosts& costs) {
  double cost = 0;
  for (std::size_t i = 0; i < p.size(); ++i) cost += c.label[i] ? costs.false_negative * (1 - p[i]) : costs.false_positive * p[i];
  return cost / static_cast<double>(p.size());
}

/// All deterministic thresholds of a group as (fpr, tpr).
std::vector<std::pair<double, double>> roc_of(const Case& c, std::uint32_t group) {
  std::vector<std::pair<double, double>> points;
  std::vector<double> thresholds = {std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < c.group.size(); ++i) {
    if (c.group[i] == group) thresholds.push_back(c.score[i]);
  }
  for (const double t : thresholds) {
    double tp = 0, fp = 0, p = 0, n = 0;
    for (std::size_t i = 0; i < c.group.size(); ++i) {
      if (c.group[i] != group) continue;
      (c.label[i] ? p : n) += 1;
      if (c.score[i] >= t) (c.label[i] ? tp : fp) += 1;
    }
    points.emplace_back(fp / n, tp / p);
  }
  return points;
}

TEST(Thresholds, ConstraintHoldsExactly) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Case c = random_case(seed, 60, 2 + seed % 2);
    for (const Parity parity : {Parity::kDemographic, Parity::kEqualOpportunity, Parity::kEqualizedOdds}) {
      const ThresholdCosts costs{1, 1 + static_cast<double>(seed % 3)};
      const ThresholdChoice choice = choose_thresholds(c.rows(), parity, costs);
      const std::vector<double> p = probabilities(c, choice);
      const auto rates = expected_rates(c.rows(), p);
      for (std::size_t g = 1; g < c.groups; ++g) {
        if (parity == Parity::kDemographic) {
          EXPECT_NEAR(rates[g].selection, rates[0].selection, 1e-12);
        }
        if (parity != Parity::kDemographic) {
          EXPECT_NEAR(rates[g].true_positive, rates[0].true_positive, 1e-12);
        }
        if (parity == Parity::kEqualizedOdds) {
          EXPECT_NEAR(rates[g].false_positive, rates[0].false_positive, 1e-12);
        }
      }
      for (const RandomThreshold& rule : choice.rule) {
        double total = 0;
        for (const auto& part : rule.parts) total += part.probability;
        EXPECT_NEAR(total, 1, 1e-12);
      }
      EXPECT_NEAR(choice.cost, cost_of(c, p, costs), 1e-12);
      EXPECT_GE(choice.cost, choice.unconstrained_cost - 1e-12);
    }
  }
}

/// Largest height at x of the segments between any two points: all that mixing two thresholds can reach.
double best_mix(const std::vector<std::pair<double, double>>& points, double x) {
  double best = -std::numeric_limits<double>::infinity();
  for (const auto& [x1, y1] : points) {
    for (const auto& [x2, y2] : points) {
      if (x1 > x + 1e-12 || x2 < x - 1e-12) continue;
      const double share = x2 - x1 > 1e-12 ? (x - x1) / (x2 - x1) : 0;
      best = std::max(best, y1 + share * (y2 - y1));
    }
  }
  return best;
}

TEST(Thresholds, NoGridOfMixesIsCheaper) {
  for (std::uint64_t seed = 100; seed < 110; ++seed) {
    const Case c = random_case(seed, 24, 2);
    double positives = 0, negatives = 0;
    std::vector<double> p_of(2, 0), n_of(2, 0);
    for (std::size_t i = 0; i < c.group.size(); ++i) {
      (c.label[i] ? positives : negatives) += 1;
      (c.label[i] ? p_of : n_of)[c.group[i]] += 1;
    }
    const auto n = static_cast<double>(c.group.size());
    double odds = 1, demographic = 1;
    for (int k = 0; k <= 2000; ++k) {
      const double x = k / 2000.0;
      const double y = std::min(best_mix(roc_of(c, 0), x), best_mix(roc_of(c, 1), x));
      odds = std::min(odds, (negatives * x + positives * (1 - y)) / n);
      double errors = 0;
      for (std::uint32_t g = 0; g < 2; ++g) {
        std::vector<std::pair<double, double>> by_selection;
        for (const auto& [fpr, tpr] : roc_of(c, g)) {
          by_selection.emplace_back((fpr * n_of[g] + tpr * p_of[g]) / (n_of[g] + p_of[g]), -(fpr * n_of[g] + (1 - tpr) * p_of[g]));
        }
        errors -= best_mix(by_selection, x);
      }
      demographic = std::min(demographic, errors / n);
    }
    const double chosen_odds = choose_thresholds(c.rows(), Parity::kEqualizedOdds).cost;
    const double chosen = choose_thresholds(c.rows(), Parity::kDemographic).cost;
    EXPECT_LE(chosen_odds, odds + 1e-12) << seed;
    EXPECT_GE(chosen_odds, odds - 1e-3) << seed;
    EXPECT_LE(chosen, demographic + 1e-12) << seed;
    EXPECT_GE(chosen, demographic - 1e-3) << seed;
  }
}

TEST(Thresholds, AGroupWithoutPositivesIsRefused) {
  const Case c{.group = {0, 0, 1, 1}, .label = {0, 1, 0, 0}, .score = {.1, .9, .2, .3}};
  EXPECT_THROW(choose_thresholds(c.rows(), Parity::kEqualizedOdds), Error);
  EXPECT_THROW(choose_thresholds(c.rows(), Parity::kEqualOpportunity), Error);
  EXPECT_NO_THROW(choose_thresholds(c.rows(), Parity::kDemographic));
  EXPECT_THROW(parse_parity("parity"), Error);
}

TEST(Thresholds, PerfectScoresCostNothing) {
  const Case c{.group = {0, 0, 1, 1}, .label = {0, 1, 0, 1}, .score = {.1, .9, .6, .7}};
  EXPECT_NEAR(choose_thresholds(c.rows(), Parity::kEqualizedOdds).cost, 0, 1e-12);
}

}  // namespace
}  // namespace discreet::mitigate
