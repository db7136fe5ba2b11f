#include "discreet/stats/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

// Cells of a group's table: 2 * label + prediction with two classes, else 0 wrong and 3 right.
constexpr unsigned kTn = 1, kFp = 2, kFn = 4, kTp = 8;
constexpr unsigned kAll = kTn | kFp | kFn | kTp;
using Cells = std::array<double, 4>;

struct RateRule {
  const char* name;
  unsigned numerator;
  unsigned denominator;
  const char* empty;  // What is missing when the denominator is empty.
};

constexpr RateRule kBinaryRules[] = {
    {"selection_rate", kTp | kFp, kAll, "no examples"},
    {"true_positive_rate", kTp, kTp | kFn, "no examples with a positive label"},
    {"false_positive_rate", kFp, kFp | kTn, "no examples with a negative label"},
    {"true_negative_rate", kTn, kFp | kTn, "no examples with a negative label"},
    {"false_negative_rate", kFn, kTp | kFn, "no examples with a positive label"},
    {"accuracy", kTp | kTn, kAll, "no examples"},
    {"precision", kTp, kTp | kFp, "no positive predictions"},
    {"false_discovery_rate", kFp, kTp | kFp, "no positive predictions"},
    {"false_omission_rate", kFn, kFn | kTn, "no negative predictions"},
    {"base_rate", kTp | kFn, kAll, "no examples"},
};
constexpr RateRule kManyRules[] = {{"accuracy", kTp, kAll, "no examples"}};
constexpr std::size_t kSelection = 0, kTpr = 1, kFpr = 2, kFnr = 4;

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

enum class Spread { kDifference, kRatio, kToOverall, kSumToOverall, kSigned };
enum class Combine { kMax, kMin, kMean };

struct GapRule {
  std::string name;
  Spread spread;
  std::vector<std::size_t> rates;
  Combine combine = Combine::kMax;
};

std::vector<GapRule> gap_rules(bool binary, std::size_t groups) {
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
  return rules;
}

/// Tables of all groups, and of the whole in the last place.
class Tables {
 public:
  Tables(const GroupedPredictions& data) : data_(data), cells_(data.groups + 1) {}

  void count(std::span<const std::uint32_t> indices) {
    std::fill(cells_.begin(), cells_.end(), Cells{});
    for (const std::uint32_t i : indices) {
      const double weight = data_.weight.empty() ? 1 : data_.weight[i];
      const std::size_t cell = cell_of(i);
      cells_[data_.group[i]][cell] += weight;
      cells_[data_.groups][cell] += weight;
    }
  }
  std::size_t cell_of(std::uint32_t i) const {
    return data_.binary ? static_cast<std::size_t>(2 * data_.label[i] + data_.prediction[i])
                        : (data_.label[i] == data_.prediction[i] ? 3 : 0);
  }
  std::optional<double> rate(std::size_t group, const RateRule& rule) const {
    const double denominator = sum_cells(cells_[group], rule.denominator);
    if (!(denominator > 0)) return std::nullopt;
    return sum_cells(cells_[group], rule.numerator) / denominator;
  }
  const Cells& cells(std::size_t group) const { return cells_[group]; }

 private:
  const GroupedPredictions& data_;
  std::vector<Cells> cells_;
};

/// Which groups a rate is compared over: those that have it in the data.
using Members = std::vector<std::vector<std::uint32_t>>;

/// The spread of one rate over its groups; absent if a group has lost it or fewer than two have it.
std::optional<double> spread_of(const Tables& tables, const RateRule& rule,
                                std::span<const std::uint32_t> members, std::size_t overall,
                                Spread spread) {
  if (members.size() < 2) return std::nullopt;
  std::vector<double> values;
  for (const std::uint32_t group : members) {
    const auto value = tables.rate(group, rule);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  if (spread == Spread::kDifference) return *most - *least;
  if (spread == Spread::kSigned) return values[1] - values[0];
  if (spread == Spread::kRatio) {
    return *most > 0 ? std::optional(*least / *most) : std::nullopt;
  }
  const auto whole = tables.rate(overall, rule);
  if (!whole) return std::nullopt;
  double sum = 0;
  double largest = 0;
  for (const double value : values) {
    sum += std::abs(*whole - value);
    largest = std::max(largest, std::abs(*whole - value));
  }
  return spread == Spread::kSumToOverall ? sum : largest;
}

std::optional<double> gap_of(const Tables& tables, const GapRule& rule,
                             std::span<const RateRule> rates, const Members& members,
                             std::size_t overall) {
  std::optional<double> combined;
  for (const std::size_t rate : rule.rates) {
    const auto part = spread_of(tables, rates[rate], members[rate], overall, rule.spread);
    if (!part) return std::nullopt;
    if (!combined) {
      combined = part;
    } else if (rule.combine == Combine::kMax) {
      combined = std::max(*combined, *part);
    } else if (rule.combine == Combine::kMin) {
      combined = std::min(*combined, *part);
    } else {
      combined = *combined + *part;
    }
  }
  if (rule.combine == Combine::kMean) *combined /= static_cast<double>(rule.rates.size());
  return combined;
}

void check_data(const GroupedPredictions& data) {
  const std::size_t n = data.group.size();
  const auto fits = [n](std::size_t size, bool may_be_empty) {
    return size == n || (may_be_empty && size == 0);
  };
  if (!fits(data.label.size(), false) || !fits(data.prediction.size(), false) ||
      !fits(data.weight.size(), true) || !fits(data.score.size(), true)) {
    throw internal_error("grouped predictions of different lengths");
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (data.group[i] >= data.groups) throw internal_error("a group outside 0..groups-1");
    if (data.binary && (data.label[i] < 0 || data.label[i] > 1 || data.prediction[i] < 0 ||
                        data.prediction[i] > 1)) {
      throw internal_error("a class outside {0, 1}");
    }
  }
}

GroupRates rates_of(const GroupedPredictions& data, const GroupOptions& options,
                    const Tables& tables, std::size_t group,
                    std::span<const std::uint32_t> members) {
  std::array<std::uint64_t, 4> counts{};
  for (const std::uint32_t i : members) ++counts[tables.cell_of(i)];
  GroupRates result;
  result.n = members.size();
  for (const RateRule& rule : rate_rules(data.binary)) {
    Rate rate;
    rate.numerator = sum_cells(tables.cells(group), rule.numerator);
    rate.denominator = sum_cells(tables.cells(group), rule.denominator);
    std::uint64_t successes = 0;
    for (unsigned cell = 0; cell < 4; ++cell) {
      if (rule.denominator >> cell & 1U) rate.n += counts[cell];
      if (rule.numerator >> cell & 1U) successes += counts[cell];
    }
    rate.small = rate.n < options.least;
    rate.value = tables.rate(group, rule);
    if (!rate.value) {
      rate.reason = rate.n == 0 ? rule.empty : "the weights of these examples are 0";
    } else if (rate.small && options.exclude_small) {
      rate.value.reset();
      rate.reason = fmt::format("{} examples, fewer than {}", rate.n, options.least);
    }
    if (rate.n > 0 && data.weight.empty()) {
      rate.ci = wilson(successes, rate.n, options.confidence);
    }
    result.rates.push_back(rate);
  }
  if (!data.score.empty() && data.binary && counts[0] + counts[1] > 0 &&
      counts[2] + counts[3] > 0) {
    std::vector<double> positives;
    std::vector<double> negatives;
    for (const std::uint32_t i : members) {
      (data.label[i] == 1 ? positives : negatives).push_back(data.score[i]);
    }
    result.auc = delong(positives, negatives, options.confidence);
  }
  return result;
}

std::string why_absent(const GapRule& rule, std::span<const RateRule> rates,
                       const Members& members) {
  for (const std::size_t rate : rule.rates) {
    if (members[rate].size() < 2) {
      return fmt::format("fewer than two groups have a {}", rates[rate].name);
    }
  }
  return rule.spread == Spread::kRatio ? "a rate is 0 in every group, so it has no ratio"
                                       : "the whole data lack a rate";
}

}  // namespace

const std::vector<std::string>& rate_names(bool binary) {
  static const auto names = [] {
    std::array<std::vector<std::string>, 2> both;
    for (const bool two : {false, true}) {
      for (const RateRule& rule : rate_rules(two)) both[two].emplace_back(rule.name);
    }
    return both;
  }();
  return names[binary];
}

GroupReport group_report(const GroupedPredictions& data, const GroupOptions& options) {
  check_data(data);
  std::vector<Stratum> strata(data.groups);
  for (std::uint32_t i = 0; i < data.group.size(); ++i) strata[data.group[i]].push_back(i);
  const Stratum everything = whole_sample(data.group.size());
  Tables tables(data);
  tables.count(everything);

  GroupReport report;
  report.overall = rates_of(data, options, tables, data.groups, everything);
  const auto rates = rate_rules(data.binary);
  Members members(rates.size());
  for (std::uint32_t group = 0; group < data.groups; ++group) {
    report.by_group.push_back(rates_of(data, options, tables, group, strata[group]));
    for (std::size_t rate = 0; rate < rates.size(); ++rate) {
      if (report.by_group[group].rates[rate].value) members[rate].push_back(group);
    }
  }

  const std::vector<GapRule> rules = gap_rules(data.binary, data.groups);
  const auto estimates = bootstrap_many(
      strata, rules.size(),
      [&](std::span<const std::uint32_t> indices, std::span<std::optional<double>> out) {
        tables.count(indices);
        for (std::size_t r = 0; r < rules.size(); ++r) {
          out[r] = gap_of(tables, rules[r], rates, members, data.groups);
        }
      },
      {.resamples = options.resamples,
       .confidence = options.confidence,
       .method = options.method,
       .seed = options.seed});
  for (std::size_t r = 0; r < rules.size(); ++r) {
    GroupGap gap{rules[r].name, estimates[r].value, estimates[r].ci, estimates[r].undefined};
    for (std::uint32_t group = 0; group < data.groups; ++group) {
      const auto& own = report.by_group[group].rates;
      const auto any = [&](auto&& test) {
        return std::any_of(rules[r].rates.begin(), rules[r].rates.end(),
                           [&](std::size_t rate) { return test(own[rate]); });
      };
      if (any([](const Rate& rate) { return !rate.value; })) {
        gap.excluded.push_back(group);
      } else if (any([](const Rate& rate) { return rate.small; })) {
        gap.small.push_back(group);
      }
    }
    if (!gap.value) {
      gap.undefined_resamples = 0;
      gap.reason = why_absent(rules[r], rates, members);
    }
    report.gaps.push_back(std::move(gap));
  }
  return report;
}

BenefitInequality benefit_inequality(const GroupedPredictions& data) {
  check_data(data);
  const std::size_t n = data.group.size();
  std::vector<double> benefit(n);
  std::vector<double> group_sum(data.groups);
  std::vector<double> group_count(data.groups);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    benefit[i] = static_cast<double>(data.prediction[i] - data.label[i] + 1);
    sum += benefit[i];
    group_sum[data.group[i]] += benefit[i];
    group_count[data.group[i]] += 1;
  }
  BenefitInequality result;
  if (!(sum > 0)) return result;
  const double mean = sum / static_cast<double>(n);
  double squares = 0;
  double logs = 0;
  double between = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double ratio = benefit[i] / mean;
    const double group_ratio = group_sum[data.group[i]] / group_count[data.group[i]] / mean;
    squares += ratio * ratio - 1;
    between += group_ratio * group_ratio - 1;
    if (ratio > 0) logs += ratio * std::log(ratio);  // 0 ln 0 = 0
  }
  result.generalized_entropy = squares / (2 * static_cast<double>(n));
  result.theil = logs / static_cast<double>(n);
  result.between_groups = between / (2 * static_cast<double>(n));
  return result;
}

}  // namespace discreet::stats
