#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/stats/intervals.h"

namespace discreet::stats {

/// One point per distinct score, from the strictest threshold to the loosest: "positive" is
/// score >= threshold. The first point has threshold +infinity and no positives at all.
struct RocPoint {
  double threshold;
  std::uint64_t true_positives;
  std::uint64_t false_positives;
};

/// Receiver operating characteristic. Tied scores move together: the curve has one point for them,
/// never an order that the data do not have.
struct Roc {
  std::vector<RocPoint> points;
  std::uint64_t positives = 0;
  std::uint64_t negatives = 0;

  double tpr(const RocPoint& point) const;
  double fpr(const RocPoint& point) const;
  /// The threshold with the largest TPR - FPR; the strictest of equals.
  const RocPoint& best() const;
  /// Largest TPR - FPR over all thresholds: chosen on these data, so it is biased upwards.
  double advantage() const;
};

/// Higher score = more likely positive. Infinite scores are in order.
/// Throws: kBadData if a score is NaN or one side is empty.
Roc roc_curve(std::span<const double> positives, std::span<const double> negatives);

/// AUC = P(positive > negative) + P(equal) / 2 (Mann-Whitney), with DeLong's variance.
struct AucEstimate {
  double auc = 0;
  double variance = 0;         ///< Divisors n - 1; 0 where a side has one example.
  std::optional<Interval> ci;  ///< On the logit scale; absent where a side has one example.
};

/// Where the sides are separated completely the variance is 0 and says nothing; the interval is
/// then Wilson's for as many trials as the smaller side has examples. Cost: O(n log n). Ref: DeLong
/// et al. 1988; Sun and Xu 2014.
AucEstimate delong(std::span<const double> positives, std::span<const double> negatives,
                   double confidence = 0.95);

/// Two scores of the same examples. positives1[i] and positives2[i] belong together.
struct AucComparison {
  AucEstimate first;
  AucEstimate second;
  double covariance = 0;
  std::optional<double> z;        ///< Absent where the difference has no variance.
  std::optional<double> p_value;  ///< Two-sided.
};
AucComparison delong_paired(std::span<const double> positives1, std::span<const double> negatives1,
                            std::span<const double> positives2, std::span<const double> negatives2,
                            double confidence = 0.95);

/// TPR at the loosest threshold whose FPR is at most `fpr`.
struct TprAtFpr {
  double fpr = 0;
  std::optional<double> tpr;       ///< Absent with fewer than 10 / fpr negatives: `reason` says so.
  std::optional<Interval> ci;      ///< Of the TPR, Clopper-Pearson at that threshold.
  std::optional<Interval> fpr_ci;  ///< Of the FPR reached there, likewise.
  std::uint64_t true_positives = 0;
  std::uint64_t false_positives = 0;
  std::string reason;
};
TprAtFpr tpr_at_fpr(const Roc& roc, double fpr, double confidence = 0.95);

}  // namespace discreet::stats
