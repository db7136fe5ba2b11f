#include "discreet/stats/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "discreet/core/error.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/internal/group_tables.h"

namespace discreet::stats {
namespace {

using internal::GapRule;
using internal::RateMembers;
using internal::RateRule;
using internal::Spread;
using internal::Tables;

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
  for (const RateRule& rule : internal::rate_rules(data.binary)) {
    Rate rate;
    rate.numerator = internal::sum_cells(tables.cells(group), rule.numerator);
    rate.denominator = internal::sum_cells(tables.cells(group), rule.denominator);
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
                       const RateMembers& members) {
  for (const std::size_t rate : rule.rates) {
    if (members[rate].size() < 2) {
      return fmt::format("fewer than two groups have a {}", rates[rate].name);
    }
  }
  return rule.spread == Spread::kRatio ? "a rate is 0 in every group, so it has no ratio"
                                       : "the whole data lack a rate";
}

/// The same examples in an order, and with groups in an order, that depend on what they hold alone: so
/// that names of groups and the order of rows change nothing, not even what a seed draws.
struct Canonical {
  std::vector<std::uint32_t> group_at;  // canonical group -> the caller's
  std::vector<std::uint32_t> group;
  std::vector<std::int64_t> label, prediction;
  std::vector<double> weight, score;

  explicit Canonical(const GroupedPredictions& data) {
    const auto content = [&](std::uint32_t i) {
      return std::tuple(data.label[i], data.prediction[i], data.weight.empty() ? 1 : data.weight[i],
                        data.score.empty() ? 0 : data.score[i]);
    };
    std::vector<Stratum> strata(data.groups);
    for (std::uint32_t i = 0; i < data.group.size(); ++i) strata[data.group[i]].push_back(i);
    for (Stratum& stratum : strata) {
      std::sort(stratum.begin(), stratum.end(),
                [&](std::uint32_t a, std::uint32_t b) { return content(a) < content(b); });
    }
    group_at.resize(data.groups);
    std::iota(group_at.begin(), group_at.end(), 0U);
    std::stable_sort(group_at.begin(), group_at.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::lexicographical_compare(
          strata[a].begin(), strata[a].end(), strata[b].begin(), strata[b].end(),
          [&](std::uint32_t i, std::uint32_t j) { return content(i) < content(j); });
    });
    for (std::uint32_t g = 0; g < data.groups; ++g) {
      for (const std::uint32_t i : strata[group_at[g]]) {
        group.push_back(g);
        label.push_back(data.label[i]);
        prediction.push_back(data.prediction[i]);
        if (!data.weight.empty()) weight.push_back(data.weight[i]);
        if (!data.score.empty()) score.push_back(data.score[i]);
      }
    }
  }

  GroupedPredictions view(const GroupedPredictions& data) const {
    return {group, data.groups, label, prediction, data.binary, weight, score};
  }
};

/// p-values corrected over the distinct tests: a rate and its complement, or two names, are one.
void correct_p_values(const std::vector<GapRule>& rules, bool binary, std::vector<GroupGap>& gaps) {
  std::map<std::string, std::size_t> place;
  std::vector<double> distinct;
  for (std::size_t r = 0; r < rules.size(); ++r) {
    if (gaps[r].p_value && place.emplace(internal::test_key(rules[r], binary), distinct.size()).second) {
      distinct.push_back(*gaps[r].p_value);
    }
  }
  const std::vector<double> by_holm = holm(distinct), by_bh = benjamini_hochberg(distinct);
  for (std::size_t r = 0; r < rules.size(); ++r) {
    if (!gaps[r].p_value) continue;
    const std::size_t at = place.at(internal::test_key(rules[r], binary));
    gaps[r].p_holm = by_holm[at];
    gaps[r].p_benjamini_hochberg = by_bh[at];
  }
}

struct GapEstimate {
  std::optional<double> value;
  std::optional<Interval> ci;
  std::uint64_t undefined_resamples = 0;
};

/// The gaps that lie within `distance` of one that is measured.
Interval within_distance(const GapRule& rule, double value, double distance) {
  if (rule.spread == Spread::kSigned) return {value - distance, value + distance};
  if (rule.spread == Spread::kRatio && value > 0) {
    const double apart = -std::log(value);
    return {std::exp(-(apart + distance)), std::exp(-std::max(0.0, apart - distance))};
  }
  // Rates lie in [0, 1], and so do their differences; a sum of differences may be larger.
  const double most = rule.spread == Spread::kSumToOverall ? HUGE_VAL : 1;
  return internal::differences_within(value, distance, most);
}

std::vector<GapEstimate> gap_estimates(const GroupedPredictions& data, const GroupOptions& options,
                                       const std::vector<Stratum>& strata, const Tables& whole,
                                       const std::vector<GapRule>& rules, const RateMembers& members) {
  const bool distance = options.interval == GapInterval::kDistance;
  const auto rates = internal::rate_rules(data.binary);
  std::vector<internal::Comparison> measured;
  for (const GapRule& rule : rules) measured.push_back(internal::compare(whole, rule, rates, members, data.groups));
  Tables tables(data);
  const auto found = bootstrap_many(
      strata, rules.size(),
      [&](std::span<const std::uint32_t> indices, std::span<std::optional<double>> out) {
        tables.count(indices);
        for (std::size_t r = 0; r < rules.size(); ++r) {
          out[r] = distance ? internal::gap_distance(rules[r], internal::compare(tables, rules[r], rates, members, data.groups), measured[r])
                            : internal::gap_of(tables, rules[r], rates, members, data.groups);
        }
      },
      internal::gap_bootstrap(options));
  std::vector<GapEstimate> estimates(rules.size());
  for (std::size_t r = 0; r < rules.size(); ++r) {
    estimates[r] = {internal::gap_of(whole, rules[r], rates, members, data.groups), found[r].ci, found[r].undefined};
    if (distance && estimates[r].value && found[r].ci) {
      estimates[r].ci = within_distance(rules[r], *estimates[r].value, found[r].ci->high);
    }
  }
  return estimates;
}

/// Of data whose order says nothing (see `Canonical`).
GroupReport report_in_order(const GroupedPredictions& data, const GroupOptions& options) {
  std::vector<Stratum> strata(data.groups);
  for (std::uint32_t i = 0; i < data.group.size(); ++i) strata[data.group[i]].push_back(i);
  const Stratum everything = whole_sample(data.group.size());
  Tables tables(data);
  tables.count(everything);

  GroupReport report;
  report.overall = rates_of(data, options, tables, data.groups, everything);
  const auto rates = internal::rate_rules(data.binary);
  RateMembers members(rates.size());
  for (std::uint32_t group = 0; group < data.groups; ++group) {
    report.by_group.push_back(rates_of(data, options, tables, group, strata[group]));
    for (std::size_t rate = 0; rate < rates.size(); ++rate) {
      if (report.by_group[group].rates[rate].value) members[rate].push_back(group);
    }
  }

  const std::vector<GapRule> rules = internal::gap_rules(data.binary, data.groups, options.families);
  const std::vector<GapEstimate> estimates = gap_estimates(data, options, strata, tables, rules, members);
  const auto p_values = internal::permutation_p_values(data, rules, members, options);
  for (std::size_t r = 0; r < rules.size(); ++r) {
    GroupGap gap{rules[r].name, estimates[r].value, estimates[r].ci, estimates[r].undefined_resamples};
    if (gap.value) gap.p_value = p_values[r];
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
  correct_p_values(rules, data.binary, report.gaps);
  return report;
}

}  // namespace

const std::vector<std::string>& rate_names(bool binary) {
  static const auto names = [] {
    std::array<std::vector<std::string>, 2> both;
    for (const bool two : {false, true}) {
      for (const RateRule& rule : internal::rate_rules(two)) both[two].emplace_back(rule.name);
    }
    return both;
  }();
  return names[binary];
}

GroupReport group_report(const GroupedPredictions& data, const GroupOptions& options) {
  check_data(data);
  const Canonical canonical(data);
  const GroupReport ordered = report_in_order(canonical.view(data), options);
  GroupReport report = ordered;
  const auto back = [&](std::vector<std::uint32_t>& groups) {
    for (std::uint32_t& group : groups) group = canonical.group_at[group];
    std::sort(groups.begin(), groups.end());
  };
  for (std::size_t g = 0; g < data.groups; ++g) report.by_group[canonical.group_at[g]] = ordered.by_group[g];
  for (GroupGap& gap : report.gaps) {
    back(gap.excluded);
    back(gap.small);
    // The one signed gap is of the second group the caller named, less the first.
    if (gap.metric != "average_odds_difference" || canonical.group_at[0] == 0) continue;
    if (gap.value) gap.value = -*gap.value;
    if (gap.ci) gap.ci = Interval{-gap.ci->high, -gap.ci->low};
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
