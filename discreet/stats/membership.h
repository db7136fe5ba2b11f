#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {

struct MembershipOptions {
  double confidence = 0.95;
  std::vector<double> false_positive_rates = {0.01, 0.001, 0.0001};
  std::uint64_t resamples = 1000;  ///< Of the bootstrap for the advantage.
  std::uint64_t seed = 0;          ///< Of bootstrap and split; reproducible, recorded.
};

/// A fixed threshold on the score and what it gives.
struct ThresholdAttack {
  double threshold = 0;
  std::uint64_t true_positives = 0;
  std::uint64_t false_positives = 0;
  double tpr = 0;
  double fpr = 0;
  double advantage = 0;
  Interval advantage_ci;           ///< Newcombe.
  std::optional<double> ppv;       ///< Of those called members, the share that are; absent if none.
  std::optional<Interval> ppv_ci;  ///< Clopper-Pearson.
};

/// How well a score tells members of the training data from others.
struct MembershipResult {
  std::uint64_t n_members = 0;
  std::uint64_t n_nonmembers = 0;
  AucEstimate auc;
  double advantage = 0;  ///< Largest TPR - FPR, threshold chosen on these data: biased upwards.
  /// Low: Newcombe's lower end at a threshold chosen on the other half of the data (so it holds for
  /// the best threshold too), at least 0. High: the bootstrap's upper end of the maximum, which
  /// errs upwards.
  Interval advantage_ci;
  /// TPR - FPR at thresholds chosen on the other half; absent with fewer than 4 examples a side.
  std::optional<double> advantage_held_out;
  std::optional<Interval> advantage_held_out_ci;
  std::vector<TprAtFpr> tpr_at_fpr;
  /// Yeom's attack: a member scores at least as high as the members' mean (loss at most the mean
  /// training loss). Absent where the mean is not finite.
  std::optional<ThresholdAttack> yeom;
  Roc roc;
  MembershipOptions options;
};

/// Higher score = more likely a member; for a loss, pass its negative.
/// Throws: kBadData if a score is NaN or one side is empty.
/// Ref: Yeom et al. 2018 (threshold, advantage); Carlini et al. 2022 (TPR at low FPR).
MembershipResult membership(std::span<const double> members, std::span<const double> nonmembers,
                            const MembershipOptions& options = {});

/// An entry of `results` in discreet.audit.membership/1. The curve keeps at most `curve_points`
/// points, among them the ends and the best threshold.
Json membership_json(const std::string& attack, const MembershipResult& result,
                     std::size_t curve_points = 200);

/// What a reader must know of any such result, for `caveats`.
std::vector<std::string> membership_caveats(const MembershipResult& result);

}  // namespace discreet::stats
