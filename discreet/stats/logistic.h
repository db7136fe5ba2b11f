#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace discreet::stats {

/// Logistic regression with an intercept on features that are standardised first.
class LogisticRegression {
 public:
  /// Shapes: n rows of `features` values. Labels are 0 or 1. `l2` is per row and spares the intercept.
  /// Newton's method to a step below 1e-10 or 100 steps. A feature that does not vary gets weight 0.
  /// Throws: kInternal for other shapes, or if a side is empty. Cost: O(n features^2) a step.
  LogisticRegression(std::span<const double> rows, std::size_t features, std::span<const std::uint8_t> labels,
                     double l2 = 1e-4);

  /// log p / (1 - p) of one row.
  double log_odds(std::span<const double> row) const;
  /// Intercept, then the weights of the standardised features.
  const std::vector<double>& weights() const { return weights_; }

 private:
  std::vector<double> center_, scale_, weights_;
};

}  // namespace discreet::stats
