#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "discreet/stats/intervals.h"

namespace discreet::stats {

/// What a probe is: a linear classifier, or one with a hidden layer.
struct ProbeOptions {
  std::size_t hidden = 0;  ///< 0: linear; else so many tanh units.
  double l2 = 1e-4;        ///< Per row, on weights, not on intercepts.
  int iterations = 200;
  std::uint64_t seed = 0;  ///< Of the hidden layer's start.
};

/// A classifier that asks what can be told from rows: softmax regression, or a small network.
///
/// Rows are centred and divided by one common scale, so that a linear probe's directions stay within the rows' own
/// span. Trained to a stationary point by L-BFGS; a linear probe is the optimum, whatever the seed.
class Probe {
 public:
  /// Shapes: n rows of `features` values, labels [n] in 0..classes-1.
  /// Throws: kInternal for other shapes, fewer than two classes or a label outside them.
  /// Cost: O(n features (hidden or classes)) for each of at most `iterations` steps.
  Probe(std::span<const double> rows, std::size_t features, std::span<const std::uint32_t> labels, std::size_t classes,
        const ProbeOptions& options = {});

  /// The likeliest class of each row.
  std::vector<std::uint32_t> predict(std::span<const double> rows) const;
  /// Of a linear probe: a direction for each class, [classes, features].
  std::vector<double> directions() const;

 private:
  std::size_t features_, classes_, hidden_;
  std::vector<double> center_, parameters_;
  double scale_ = 1;
};

/// How often a probe is right on rows that it has not seen.
struct ProbeAccuracy {
  std::uint64_t n = 0, right = 0;
  double accuracy = 0;
  Interval ci;            ///< Wilson's. Folds share rows of training: it is somewhat too narrow.
  double majority = 0;    ///< Share of the largest class: what a guess without rows gets.
};

/// Cross-validated accuracy: row i is predicted by a probe that was fitted without its fold, `fold[i]` in
/// 0..folds-1. Throws: kInternal as above.
ProbeAccuracy probe_accuracy(std::span<const double> rows, std::size_t features, std::span<const std::uint32_t> labels,
                             std::size_t classes, std::span<const std::uint32_t> fold, std::size_t folds,
                             const ProbeOptions& options = {});

/// Right predictions as an accuracy.
ProbeAccuracy count_right(std::span<const std::uint32_t> predicted, std::span<const std::uint32_t> labels, std::size_t classes);

}  // namespace discreet::stats
