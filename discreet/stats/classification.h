#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "discreet/stats/intervals.h"

namespace discreet::stats {

/// Counts of gold (row) against predicted (column) classes; sums of matrices are matrices.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::size_t classes) : classes_(classes), counts_(classes * classes) {}
  /// Throws: kInternal for a class outside 0..classes-1 or spans of different lengths.
  void add(std::int64_t gold, std::int64_t predicted, std::uint64_t times = 1);
  void add(std::span<const std::int64_t> gold, std::span<const std::int64_t> predicted);
  void merge(const ConfusionMatrix& other);

  std::size_t classes() const { return classes_; }
  std::uint64_t at(std::size_t gold, std::size_t predicted) const {
    return counts_[gold * classes_ + predicted];
  }
  std::uint64_t total() const;
  std::uint64_t correct() const;
  std::uint64_t gold_count(std::size_t label) const;
  std::uint64_t predicted_count(std::size_t label) const;

 private:
  std::size_t classes_;
  std::vector<std::uint64_t> counts_;
};

/// Precision, recall and F1 from counts. Absent where the denominator is 0.
struct PrecisionRecall {
  std::optional<double> precision;
  std::optional<double> recall;
  std::optional<double> f1;  ///< 2 correct / (gold + predicted); absent only if both are 0.
};
PrecisionRecall precision_recall(std::uint64_t correct, std::uint64_t gold,
                                 std::uint64_t predicted);

struct ClassificationScores {
  std::uint64_t n = 0;
  std::uint64_t correct = 0;
  std::optional<double> accuracy;       ///< Absent without examples.
  std::optional<Interval> accuracy_ci;  ///< Wilson.
  /// Mean F1 over the classes that occur in gold or prediction: a class that nobody saw and nobody
  /// guessed has no F1 and is left out (`scored_classes` says how many were kept).
  std::optional<double> macro_f1;
  std::optional<double> micro_f1;     ///< Equal to accuracy where each example has one class.
  std::optional<double> weighted_f1;  ///< Mean F1 weighted by gold counts.
  std::size_t scored_classes = 0;
};
ClassificationScores classification_scores(const ConfusionMatrix& confusion,
                                           double confidence = 0.95);

/// One bin (low, high] of confidence.
struct CalibrationBin {
  double low = 0;
  double high = 0;
  std::uint64_t n = 0;
  double mean_confidence = 0;  ///< 0 where n is 0.
  double accuracy = 0;         ///< 0 where n is 0.
};

enum class Binning {
  kEqualWidth,  ///< (i/bins, (i+1)/bins], the first one closed: Guo et al. 2017.
  kEqualMass,   ///< Sorted by confidence and cut into bins of n/bins, ties kept in order.
};

/// Expected calibration error: sum over bins of n_b/n |accuracy_b - mean confidence_b|.
struct Calibration {
  std::optional<double> expected_error;  ///< Absent without examples.
  std::optional<double> maximum_error;   ///< Largest gap of a bin that is not empty.
  std::vector<CalibrationBin> bins;
};
/// `confidences` in [0, 1] of the predicted class; correct[i] is 0 or 1.
/// Throws: kInternal for different lengths, no bins, or a confidence outside [0, 1].
Calibration calibration(std::span<const double> confidences, std::span<const std::uint8_t> correct,
                        std::size_t bins = 15, Binning binning = Binning::kEqualWidth);

}  // namespace discreet::stats
