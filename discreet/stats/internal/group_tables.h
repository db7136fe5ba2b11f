#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/stats/groups.h"

namespace discreet::stats::internal {

// Cells of a group's table: 2 * label + prediction with two classes, else 0 wrong and 3 right.
inline constexpr unsigned kTn = 1, kFp = 2, kFn = 4, kTp = 8;
inline constexpr unsigned kAllCells = kTn | kFp | kFn | kTp;
using Cells = std::array<double, 4>;

struct RateRule {
  const char* name;
  unsigned numerator;
  unsigned denominator;
  const char* empty;  // What is missing when the denominator is empty.
};
std::span<const RateRule> rate_rules(bool binary);

double sum_cells(const Cells& cells, unsigned mask);

enum class Spread {
  kDifference,     ///< Largest minus smallest.
  kRatio,          ///< Smallest over largest.
  kToOverall,      ///< Largest |group - all|.
  kSumToOverall,   ///< Sum of |group - all|.
  kSigned,         ///< Second group minus first.
  kPairs,          ///< Mean |a - b| over pairs of groups.
  kBackground,     ///< Mean |group - all|.
  kRest,           ///< Mean |group - all others|.
  kDeviation,      ///< Standard deviation over groups, divisor n.
};
enum class Combine { kMax, kMin, kMean };

struct GapRule {
  std::string name;
  Spread spread;
  std::vector<std::size_t> rates;
  Combine combine = Combine::kMax;
};
std::vector<GapRule> gap_rules(bool binary, std::size_t groups, const std::vector<GroupFamily>& families);

/// Tables of all groups, and of the whole in the last place.
class Tables {
 public:
  explicit Tables(const GroupedPredictions& data) : data_(data), cells_(data.groups + 1) {}

  void count(std::span<const std::uint32_t> indices);
  /// Of all examples, with other groups than the data's.
  void count_as(std::span<const std::uint32_t> group);
  std::size_t cell_of(std::uint32_t i) const {
    return data_.binary ? static_cast<std::size_t>(2 * data_.label[i] + data_.prediction[i])
                        : (data_.label[i] == data_.prediction[i] ? 3 : 0);
  }
  std::optional<double> rate(std::size_t group, const RateRule& rule) const;
  /// Of all groups but this one.
  std::optional<double> rest(std::size_t group, const RateRule& rule) const;
  const Cells& cells(std::size_t group) const { return cells_[group]; }

 private:
  void add(std::uint32_t i, std::uint32_t group) {
    const double weight = data_.weight.empty() ? 1 : data_.weight[i];
    const std::size_t cell = cell_of(i);
    cells_[group][cell] += weight;
    cells_[data_.groups][cell] += weight;
  }

  const GroupedPredictions& data_;
  std::vector<Cells> cells_;
};

/// Which groups a rate is compared over: those that have it in the data.
using RateMembers = std::vector<std::vector<std::uint32_t>>;

/// Absent if a group has lost a rate of the rule, or fewer than two have it.
std::optional<double> gap_of(const Tables& tables, const GapRule& rule, std::span<const RateRule> rates,
                             const RateMembers& members, std::size_t overall);

/// What a rule compares, for each of its rates.
struct ComparedRates {
  std::vector<double> groups, rest;  ///< rest: for Spread::kRest.
  double whole = 0;                  ///< For spreads about the whole.
};
using Comparison = std::optional<std::vector<ComparedRates>>;
Comparison compare(const Tables& tables, const GapRule& rule, std::span<const RateRule> rates, const RateMembers& members,
                   std::size_t overall);

/// How far a resample's rates lie from the data's, in the rule's own measure: the gap of their differences, of
/// the differences of their logarithms for a ratio (kLost where a rate of the resample is 0). Every unsigned gap
/// is a seminorm of the rates, so that two gaps differ by no more than this.
constexpr double kLost = 1e300;
std::optional<double> gap_distance(const GapRule& rule, const Comparison& now, const Comparison& data);

/// The bootstrap of gaps, or for GapInterval::kDistance of distances: of these one quantile is asked for, the upper end
/// of an interval of twice the share outside.
BootstrapOptions gap_bootstrap(const GroupOptions& options);
/// Differences of shares within `distance` of one that is measured.
Interval differences_within(double value, double distance, double most = 1);

/// Two-sided p-values of the rules that are tests of equal rates, others absent. A rule's groups are permuted
/// among the examples that its rates' denominators cannot tell apart: within each label for rates given the
/// label, within each prediction for rates given the prediction, else over all.
std::vector<std::optional<double>> permutation_p_values(const GroupedPredictions& data,
                                                        const std::vector<GapRule>& rules,
                                                        const RateMembers& members, const GroupOptions& options);

/// Rules with the same test have the same key: a rate and its complement, a metric of two names.
std::string test_key(const GapRule& rule, bool binary);

}  // namespace discreet::stats::internal
