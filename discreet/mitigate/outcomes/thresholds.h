#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace discreet::mitigate {

/// What must be equal over groups.
enum class Parity {
  kDemographic,       ///< Rate of positive predictions.
  kEqualOpportunity,  ///< True positive rate.
  kEqualizedOdds,     ///< True positive rate and false positive rate.
};

/// A random threshold: a row is predicted positive if its score is at least the drawn one.
struct RandomThreshold {
  struct Part {
    double threshold = 0;  ///< May be -inf (all positive) or inf (none).
    double probability = 0;
  };
  std::vector<Part> parts;  ///< Probabilities sum to 1; thresholds fall.

  /// P(positive) of a score: a sum of probabilities.
  double probability(double score) const;
};

/// Rows with scores; positive is 1.
struct ScoredRows {
  std::span<const std::uint32_t> group;  ///< 0..groups-1
  std::size_t groups = 0;
  std::span<const std::uint8_t> label;   ///< 0 or 1
  std::span<const double> score;
};

struct ThresholdCosts {
  double false_positive = 1, false_negative = 1;
};

struct ThresholdChoice {
  std::vector<RandomThreshold> rule;  ///< [groups]
  double cost = 0;                    ///< Mean expected cost of these rows under the rule.
  double unconstrained_cost = 0;      ///< Of each group's own best threshold.
};

/// The cheapest random thresholds, one for each group, under which the rates are equal on these rows, exactly, in
/// expectation over the draw.
///
/// Each group's rules are the points between its thresholds' rates; the cost is linear on pieces of the common
/// rate, so that the optimum is at one of finitely many rates, all of which are tried. Equalised odds: the common
/// point lies on the lowest of the groups' upper hulls; groups above it mix in a random answer.
/// Throws: kBadData for a group without rows, or without the class whose rate the constraint equalises.
/// Cost: O(n log n + breakpoints groups^2). Ref: Hardt, Price and Srebro 2016.
ThresholdChoice choose_thresholds(const ScoredRows& rows, Parity parity, const ThresholdCosts& costs = {});

/// Expected rates of a group under a rule.
struct ExpectedRates {
  double n = 0, positives = 0;
  double selection = 0, true_positive = 0, false_positive = 0;  ///< 0 where the denominator is.
};
std::vector<ExpectedRates> expected_rates(const ScoredRows& rows, std::span<const double> probability);

/// "demographic-parity", "equal-opportunity", "equalized-odds". Throws: kUsage.
Parity parse_parity(const std::string& name);

}  // namespace discreet::mitigate
