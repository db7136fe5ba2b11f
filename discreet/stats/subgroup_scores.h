#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/stats/groups.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {

/// Scores of examples with labels 0 or 1, and subgroups that may overlap (identities named in a text).
struct SubgroupData {
  std::span<const double> score;
  std::span<const std::int64_t> label;
  std::vector<std::vector<std::uint8_t>> member;  ///< member[g][i]; the background of g is everybody else.
};

/// A figure, or why there is none.
struct MaybeValue {
  std::optional<double> value;
  std::optional<Interval> ci;
  std::string reason;
};

/// How scores treat one subgroup.
struct SubgroupScores {
  std::uint64_t n = 0, n_positive = 0;
  MaybeValue subgroup_auc;  ///< Inside the subgroup; DeLong.
  MaybeValue bpsn_auc;      ///< Background positives against subgroup negatives: low where it is scored too high.
  MaybeValue bnsp_auc;      ///< Background negatives against subgroup positives: low where it is scored too low.
  /// Average equality gap: .5 less P(background above subgroup) among positives, among negatives; above 0
  /// the subgroup scores higher.
  MaybeValue positive_aeg, negative_aeg;
  /// Average squared equality gap: integral of (subgroup rate - background rate)^2 over the background
  /// rate, of the true and of the false positive rate, by 1,000 thresholds from 1 to 0.
  MaybeValue positive_aseg, negative_aseg;
  MaybeValue calibration_error;  ///< Expected error in 10 bins, scores taken as probabilities of label 1.
  MaybeValue wasserstein;        ///< Distance (order 1) of its scores to the background's.
};

struct SubgroupReport {
  MaybeValue overall_auc;
  std::vector<SubgroupScores> by_group;
  /// subgroup_auc_power_mean, bpsn_auc_power_mean, bnsp_auc_power_mean (power -5); unintended_bias_score: a
  /// quarter of the overall AUC and three quarters of their mean; roc_auc_difference,
  /// calibration_error_difference, wasserstein_max. Bootstrap intervals, resampled within patterns of groups.
  std::vector<GroupGap> results;
};

/// A subgroup without both classes has no AUC, with the reason, and enters no mean of it: it is listed.
/// Throws: kInternal for lists of unequal length.
/// Ref: Borkan et al. 2019; calibration: Guo et al. 2017.
SubgroupReport subgroup_report(const SubgroupData& data, const GroupOptions& options = {});

/// (mean of m^p)^(1/p); absent for no values, 0 where p < 0 and one of them is 0.
std::optional<double> power_mean(std::span<const double> values, double power = -5);

/// The integral of |F_a - F_b|. Throws: kInternal if one is empty.
double wasserstein(std::vector<double> a, std::vector<double> b);

}  // namespace discreet::stats
