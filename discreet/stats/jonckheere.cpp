#include "discreet/stats/jonckheere.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "discreet/stats/intervals.h"

namespace discreet::stats {
namespace {

constexpr double kMostArrangements = 1e5;

/// One block: values, and the groups' numbers in order.
struct Block {
  std::vector<double> values;
  std::vector<std::int64_t> groups;
};

/// Twice J, so that ties leave whole numbers.
std::int64_t doubled_statistic(const Block& block, const std::vector<std::int64_t>& groups) {
  std::int64_t sum = 0;
  for (std::size_t a = 0; a < groups.size(); ++a) {
    for (std::size_t b = 0; b < groups.size(); ++b) {
      if (groups[a] >= groups[b]) continue;
      sum += block.values[a] < block.values[b] ? 2 : block.values[a] == block.values[b] ? 1 : 0;
    }
  }
  return sum;
}

std::map<double, std::int64_t> counts_of(std::vector<double> values) {
  std::map<double, std::int64_t> counts;
  for (const double value : values) ++counts[value];
  return counts;
}

std::vector<double> sizes_of(const Block& block) {
  std::map<std::int64_t, double> counts;
  for (const std::int64_t group : block.groups) ++counts[group];
  std::vector<double> sizes;
  for (const auto& [group, count] : counts) sizes.push_back(count);
  return sizes;
}

double arrangements(const Block& block) {
  double logarithm = std::lgamma(static_cast<double>(block.values.size()) + 1);
  for (const double size : sizes_of(block)) logarithm -= std::lgamma(size + 1);
  return std::exp(logarithm);
}

double pairs_of(const Block& block) {
  const auto n = static_cast<double>(block.values.size());
  double same = 0;
  for (const double size : sizes_of(block)) same += size * size;
  return (n * n - same) / 2;
}

/// Hollander and Wolfe 1999, equation 6.19.
double variance_of(const Block& block) {
  const auto n = static_cast<double>(block.values.size());
  if (n < 2) return 0;
  const auto first = [](double m) { return m * (m - 1) * (2 * m + 5); };
  const auto second = [](double m) { return m * (m - 1) * (m - 2); };
  const auto third = [](double m) { return m * (m - 1); };
  double a = first(n), groups2 = 0, groups3 = 0, ties2 = 0, ties3 = 0;
  for (const double size : sizes_of(block)) {
    a -= first(size);
    groups2 += second(size);
    groups3 += third(size);
  }
  for (const auto& [value, count] : counts_of(block.values)) {
    const auto t = static_cast<double>(count);
    a -= first(t);
    ties2 += second(t);
    ties3 += third(t);
  }
  double variance = a / 72 + groups3 * ties3 / (8 * n * (n - 1));
  if (n > 2) variance += groups2 * ties2 / (36 * n * (n - 1) * (n - 2));
  return variance;
}

using Distribution = std::map<std::int64_t, double>;  // of doubled statistics

Distribution distribution_of(const Block& block) {
  std::vector<std::int64_t> groups = block.groups;
  std::sort(groups.begin(), groups.end());
  std::map<std::int64_t, std::int64_t> counts;
  std::int64_t all = 0;
  do {
    ++counts[doubled_statistic(block, groups)];
    ++all;
  } while (std::next_permutation(groups.begin(), groups.end()));
  Distribution distribution;
  for (const auto& [value, count] : counts) distribution[value] = static_cast<double>(count) / static_cast<double>(all);
  return distribution;
}

Distribution sum_of(const Distribution& a, const Distribution& b) {
  Distribution sum;
  for (const auto& [value, p] : a) {
    for (const auto& [other, q] : b) sum[value + other] += p * q;
  }
  return sum;
}

}  // namespace

TrendTest jonckheere(std::span<const OrderedValue> values) {
  std::map<std::int64_t, Block> blocks;
  for (const OrderedValue& value : values) {
    blocks[value.block].values.push_back(value.value);
    blocks[value.block].groups.push_back(value.group);
  }
  TrendTest test;
  test.n = values.size();
  std::int64_t doubled = 0;
  double variance = 0;
  bool exact = true;
  for (const auto& [number, block] : blocks) {
    doubled += doubled_statistic(block, block.groups);
    test.pairs += static_cast<std::uint64_t>(std::llround(pairs_of(block)));
    variance += variance_of(block);
    exact = exact && arrangements(block) <= kMostArrangements * (1 + 1e-9);
  }
  test.statistic = static_cast<double>(doubled) / 2;
  test.expected = static_cast<double>(test.pairs) / 2;
  if (test.pairs == 0) return test;
  test.exact = exact;
  if (!exact) {
    test.p_value = variance > 0 ? 1 - normal_cdf((test.statistic - test.expected) / std::sqrt(variance)) : 1;
    return test;
  }
  Distribution all = {{0, 1.0}};
  for (const auto& [number, block] : blocks) all = sum_of(all, distribution_of(block));
  double p = 0;
  for (const auto& [value, probability] : all) p += value >= doubled ? probability : 0;
  test.p_value = std::min(1.0, p);
  return test;
}

}  // namespace discreet::stats
