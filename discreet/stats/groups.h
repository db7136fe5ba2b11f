#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/stats/bootstrap.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/roc.h"

namespace discreet::stats {

/// Examples with their group. Labels and predictions are classes; with two classes, 1 is positive.
struct GroupedPredictions {
  std::span<const std::uint32_t> group;  ///< 0..groups-1.
  std::size_t groups = 0;
  std::span<const std::int64_t> label;
  std::span<const std::int64_t> prediction;
  bool binary = true;
  std::span<const double> weight = {};  ///< Empty: all 1.
  std::span<const double> score = {};   ///< Empty: no AUC by group.
};

/// Metrics of how a rate differs over many groups, beside its largest difference and ratio.
/// Ref: Czarnowska et al. 2021 (pairwise, background, multi-group comparison).
enum class GroupFamily {
  kPairwise,    ///< Mean |a - b| over pairs of groups: RATE_pairwise.
  kBackground,  ///< Mean |group - all|: RATE_background.
  kRest,        ///< Mean |group - all others|: RATE_rest.
  kMultiGroup,  ///< Standard deviation over groups, divisor n: RATE_deviation.
};

/// What a gap's interval is. A gap is a maximum, or a sum of distances, and noise adds to it: where groups are
/// equal every resample's gap is above 0, and so is the whole of a percentile or BCa interval of it.
enum class GapInterval {
  kDistance,  ///< The gap, less and more a quantile of how far resampled rates lie from the data's in the gap's own
              ///< measure. Two gaps differ by no more than that, so that it covers, for several groups with room.
  kPercentile,
  kBca,
};

/// Of figures that are no gaps: percentile unless BCa is asked for.
constexpr BootstrapMethod bootstrap_method(GapInterval interval) {
  return interval == GapInterval::kBca ? BootstrapMethod::kBca : BootstrapMethod::kPercentile;
}

struct GroupOptions {
  double confidence = 0.95;
  std::uint64_t resamples = 1000;
  std::uint64_t seed = 0;
  GapInterval interval = GapInterval::kDistance;
  /// A rate over fewer examples than this is marked small: its interval says more than its value.
  std::uint64_t least = 10;
  /// Small rates have no value at all and enter no gap.
  bool exclude_small = false;
  std::uint64_t permutations = 1000;  ///< Of groups, for the p-values; 0: none.
  std::vector<GroupFamily> families = {};
};

/// A share of some examples of a group; sums of weights where there are weights.
struct Rate {
  double numerator = 0;
  double denominator = 0;
  std::uint64_t n = 0;  ///< Examples in the denominator.
  std::optional<double> value;
  std::optional<Interval> ci;  ///< Wilson; absent where there are weights.
  bool small = false;
  std::string reason;  ///< Why there is no value.
};

/// Rates in the order of `rate_names(binary)`.
struct GroupRates {
  std::uint64_t n = 0;
  std::vector<Rate> rates;
  std::optional<AucEstimate> auc;  ///< If scores were given and both classes occur.
};

/// A comparison of groups: fairlearn's names.
struct GroupGap {
  std::string metric;
  std::optional<double> value;
  std::optional<Interval> ci;
  std::uint64_t undefined_resamples = 0;
  std::string reason;                   ///< Why there is no value.
  /// Of equal rates: (1 + permutations at least as far) / (1 + permutations). Absent without a value.
  std::optional<double> p_value;
  std::optional<double> p_holm, p_benjamini_hochberg;  ///< Corrected over the distinct tests of the report.
  std::vector<std::uint32_t> excluded;  ///< Groups without the rate.
  std::vector<std::uint32_t> small;     ///< Groups that enter with few examples.
};

struct GroupReport {
  GroupRates overall;
  std::vector<GroupRates> by_group;
  std::vector<GroupGap> gaps;
};

/// selection_rate, true_positive_rate, … with two classes; accuracy alone with more.
const std::vector<std::string>& rate_names(bool binary);

/// Rates by group with Wilson intervals, and gaps with bootstrap intervals, resampled within groups (`GapInterval`; a
/// ratio's by logarithms, down to 0 where a rate may be 0).
///
/// A rate with an empty denominator is absent, never 0, and its group enters no gap of it; the
/// exclusion is listed. A resample in which a group loses a rate that it has in the data has no
/// gap: it is counted. A gap is a maximum minus a minimum: sampling noise alone makes it positive; its
/// p-value says how often it alone makes one as large. It comes from permuting the groups of the examples:
/// within each label for rates given the label, within each prediction for rates given the prediction.
/// Nothing depends on the order of rows or the numbers of groups.
/// Throws: kInternal for spans of different lengths, classes outside {0, 1} if `binary`.
/// Ref: fairlearn.metrics; equalised odds: Hardt et al. 2016; FPED, FNED: Dixon et al. 2018.
GroupReport group_report(const GroupedPredictions& data, const GroupOptions& options = {});

/// Generalised entropy of benefits b = prediction - label + 1; alpha 2, and Theil's index (alpha
/// 1). `between` replaces each benefit by its group's mean. Absent where the mean benefit is 0.
/// Ref: Speicher et al. 2018.
struct BenefitInequality {
  std::optional<double> generalized_entropy;
  std::optional<double> theil;
  std::optional<double> between_groups;  ///< Generalised entropy of the group means.
};
BenefitInequality benefit_inequality(const GroupedPredictions& data);

}  // namespace discreet::stats
