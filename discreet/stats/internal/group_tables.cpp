#include "discreet/stats/internal/group_tables.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace discreet::stats::internal {
namespace {

constexpr RateRule kBinaryRules[] = {
    {"selection_rate", kTp | kFp, kAllCells, "no examples"},
    {"true_positive_rate", kTp, kTp | kFn, "no examples with a positive label"},
    {"false_positive_rate", kFp, kFp | kTn, "no examples with a negative label"},
    {"true_negative_rate", kTn, kFp | kTn, "no examples with a negative label"},
    {"false_negative_rate", kFn, kTp | kFn, "no examples with a positive label"},
    {"accuracy", kTp | kTn, kAllCells, "no examples"},
    {"precision", kTp, kTp | kFp, "no positive predictions"},
    {"false_discovery_rate", kFp, kTp | kFp, "no positive predictions"},
    {"false_omission_rate", kFn, kFn | kTn, "no negative predictions"},
    {"base_rate", kTp | kFn, kAllCells, "no examples"},
};
constexpr RateRule kManyRules[] = {{"accuracy", kTp, kAllCells, "no examples"}};
constexpr std::pair<const char*, Spread> kFamilySpreads[] = {{"_pairwise", Spread::kPairs},
                                                              {"_background", Spread::kBackground},
                                                              {"_rest", Spread::kRest},
                                                              {"_deviation", Spread::kDeviation}};
constexpr std::size_t kSelection = 0, kTpr = 1, kFpr = 2, kFnr = 4;

}  // namespace

std::span<const RateRule> rate_rules(bool binary) {
  return binary ? std::span<const RateRule>(kBinaryRules) : std::span<const RateRule>(kManyRules);
}

double sum_cells(const Cells& cells, unsigned mask) {
  double sum = 0;
  for (unsigned cell = 0; cell < 4; ++cell) {
    if (mask >> cell & 1U) sum += cells[cell];
  }
  return sum;
}

std::vector<GapRule> gap_rules(bool binary, std::size_t groups, const std::vector<GroupFamily>& families) {
  std::vector<GapRule> rules;
  if (binary) {
    rules = {
        {"demographic_parity_difference", Spread::kDifference, {kSelection}},
        {"demographic_parity_ratio", Spread::kRatio, {kSelection}},
        {"demographic_parity_difference_to_overall", Spread::kToOverall, {kSelection}},
        {"equalized_odds_difference", Spread::kDifference, {kTpr, kFpr}},
        {"equalized_odds_difference_mean", Spread::kDifference, {kTpr, kFpr}, Combine::kMean},
        {"equalized_odds_ratio", Spread::kRatio, {kTpr, kFpr}, Combine::kMin},
        {"equalized_odds_difference_to_overall", Spread::kToOverall, {kTpr, kFpr}},
        {"equal_opportunity_difference", Spread::kDifference, {kTpr}},
        {"equal_opportunity_ratio", Spread::kRatio, {kTpr}},
        {"false_positive_equality_difference", Spread::kSumToOverall, {kFpr}},
        {"false_negative_equality_difference", Spread::kSumToOverall, {kFnr}},
    };
    if (groups == 2) {
      rules.push_back({"average_odds_difference", Spread::kSigned, {kFpr, kTpr}, Combine::kMean});
    }
  }
  const auto names = rate_rules(binary);
  for (std::size_t rate = 0; rate < names.size(); ++rate) {
    const std::string name = names[rate].name;
    rules.push_back({name + "_difference", Spread::kDifference, {rate}});
    rules.push_back({name + "_ratio", Spread::kRatio, {rate}});
  }
  for (const GroupFamily family : families) {
    for (std::size_t rate = 0; rate < names.size(); ++rate) {
      const auto& [suffix, spread] = kFamilySpreads[static_cast<std::size_t>(family)];
      rules.push_back({std::string(names[rate].name) + suffix, spread, {rate}});
    }
  }
  return rules;
}

void Tables::count(std::span<const std::uint32_t> indices) {
  std::fill(cells_.begin(), cells_.end(), Cells{});
  for (const std::uint32_t i : indices) add(i, data_.group[i]);
}

void Tables::count_as(std::span<const std::uint32_t> group) {
  std::fill(cells_.begin(), cells_.end(), Cells{});
  for (std::uint32_t i = 0; i < group.size(); ++i) add(i, group[i]);
}

std::optional<double> Tables::rate(std::size_t group, const RateRule& rule) const {
  const double denominator = sum_cells(cells_[group], rule.denominator);
  if (!(denominator > 0)) return std::nullopt;
  return sum_cells(cells_[group], rule.numerator) / denominator;
}

std::optional<double> Tables::rest(std::size_t group, const RateRule& rule) const {
  const double denominator =
      sum_cells(cells_[data_.groups], rule.denominator) - sum_cells(cells_[group], rule.denominator);
  if (!(denominator > 0)) return std::nullopt;
  return (sum_cells(cells_[data_.groups], rule.numerator) - sum_cells(cells_[group], rule.numerator)) / denominator;
}

namespace {

double spread_among(const std::vector<double>& values, Spread spread) {
  const double n = static_cast<double>(values.size());
  double sum = 0;
  if (spread == Spread::kPairs) {
    for (std::size_t a = 0; a < values.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) sum += std::abs(values[a] - values[b]);
    }
    return sum / (n * (n - 1) / 2);
  }
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / n);
}

/// Absent if a group has lost its own rate or fewer than two have it.
std::optional<ComparedRates> compared_rates(const Tables& tables, const RateRule& rule, std::span<const std::uint32_t> members,
                                       std::size_t overall, Spread spread) {
  if (members.size() < 2) return std::nullopt;
  ComparedRates found;
  for (const std::uint32_t group : members) {
    const auto value = tables.rate(group, rule);
    if (!value) return std::nullopt;
    found.groups.push_back(*value);
    if (spread != Spread::kRest) continue;
    const auto others = tables.rest(group, rule);
    if (!others) return std::nullopt;
    found.rest.push_back(*others);
  }
  if (spread == Spread::kToOverall || spread == Spread::kSumToOverall || spread == Spread::kBackground) {
    const auto whole = tables.rate(overall, rule);
    if (!whole) return std::nullopt;
    found.whole = *whole;
  }
  return found;
}

/// Absent for a ratio of rates that are all 0.
std::optional<double> spread_of(const ComparedRates& compared, Spread spread) {
  const std::vector<double>& values = compared.groups;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (spread == Spread::kDifference) return *most - *least;
  if (spread == Spread::kSigned) return values[1] - values[0];
  if (spread == Spread::kRatio) {
    return *most > 0 ? std::optional(*least / *most) : std::nullopt;
  }
  if (spread == Spread::kPairs || spread == Spread::kDeviation) return spread_among(values, spread);
  if (spread == Spread::kRest) {
    double sum = 0;
    for (std::size_t g = 0; g < values.size(); ++g) sum += std::abs(values[g] - compared.rest[g]);
    return sum / static_cast<double>(values.size());
  }
  double sum = 0;
  double largest = 0;
  for (const double value : values) {
    sum += std::abs(compared.whole - value);
    largest = std::max(largest, std::abs(compared.whole - value));
  }
  if (spread == Spread::kBackground) return sum / static_cast<double>(values.size());
  return spread == Spread::kSumToOverall ? sum : largest;
}

/// The distance of two sets of rates in the measure of a spread.
std::optional<double> distance_of(const ComparedRates& now, const ComparedRates& data, Spread spread) {
  ComparedRates difference = data;
  const bool logarithms =
      spread == Spread::kRatio && std::all_of(data.groups.begin(), data.groups.end(), [](double rate) { return rate > 0; });
  if (spread == Spread::kRatio && !logarithms) {  // the ratio is 0, and has no logarithm
    const auto here = spread_of(now, spread), there = spread_of(data, spread);
    return here && there ? std::optional(std::abs(*here - *there)) : std::nullopt;
  }
  for (std::size_t g = 0; g < data.groups.size(); ++g) {
    if (logarithms && now.groups[g] == 0) return kLost;
    difference.groups[g] = logarithms ? std::log(now.groups[g] / data.groups[g]) : now.groups[g] - data.groups[g];
    if (!data.rest.empty()) difference.rest[g] = now.rest[g] - data.rest[g];
  }
  difference.whole = now.whole - data.whole;
  if (spread == Spread::kSigned) return std::abs(*spread_of(difference, spread));
  return spread_of(difference, logarithms ? Spread::kDifference : spread);
}

/// A rule's parts, one for each of its rates, made one.
template <class Part>
std::optional<double> combined_parts(std::size_t parts, Combine combine, const Part& part_of) {
  std::optional<double> combined;
  for (std::size_t i = 0; i < parts; ++i) {
    const std::optional<double> part = part_of(i);
    if (!part) return std::nullopt;
    if (!combined) {
      combined = part;
    } else if (combine == Combine::kMax) {
      combined = std::max(*combined, *part);
    } else if (combine == Combine::kMin) {
      combined = std::min(*combined, *part);
    } else {
      combined = *combined + *part;
    }
  }
  if (combine == Combine::kMean) *combined /= static_cast<double>(parts);
  return combined;
}

}  // namespace

Comparison compare(const Tables& tables, const GapRule& rule, std::span<const RateRule> rates, const RateMembers& members,
                   std::size_t overall) {
  std::vector<ComparedRates> parts;
  for (const std::size_t rate : rule.rates) {
    auto part = compared_rates(tables, rates[rate], members[rate], overall, rule.spread);
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
  }
  return parts;
}

std::optional<double> gap_of(const Tables& tables, const GapRule& rule,
                             std::span<const RateRule> rates, const RateMembers& members,
                             std::size_t overall) {
  const Comparison compared = compare(tables, rule, rates, members, overall);
  if (!compared) return std::nullopt;
  return combined_parts(compared->size(), rule.combine, [&](std::size_t i) { return spread_of((*compared)[i], rule.spread); });
}

std::optional<double> gap_distance(const GapRule& rule, const Comparison& now, const Comparison& data) {
  if (!now || !data) return std::nullopt;
  // The least of two ratios is the largest of their distances from 1.
  const Combine combine = rule.combine == Combine::kMin ? Combine::kMax : rule.combine;
  return combined_parts(data->size(), combine, [&](std::size_t i) { return distance_of((*now)[i], (*data)[i], rule.spread); });
}

BootstrapOptions gap_bootstrap(const GroupOptions& options) {
  return {.resamples = options.resamples,
          .confidence = options.interval == GapInterval::kDistance ? 2 * options.confidence - 1 : options.confidence,
          .method = bootstrap_method(options.interval),
          .seed = options.seed};
}

Interval differences_within(double value, double distance, double most) {
  return {std::max(0.0, value - distance), std::min(most, value + distance)};
}

}  // namespace discreet::stats::internal
