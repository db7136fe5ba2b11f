#include "discreet/stats/paired.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/stats/ranks.h"

namespace discreet::stats {
namespace {

/// The chance of each sum when every rank counts with probability one half.
std::vector<double> sum_distribution(std::span<const std::size_t> ranks) {
  std::vector<double> chance(std::accumulate(ranks.begin(), ranks.end(), std::size_t{0}) + 1, 0.0);
  chance[0] = 1;
  std::size_t reached = 0;
  for (const std::size_t rank : ranks) {
    reached += rank;
    for (std::size_t sum = reached + 1; sum-- > 0;) {
      chance[sum] = chance[sum] / 2 + (sum >= rank ? chance[sum - rank] / 2 : 0);
    }
  }
  return chance;
}

}  // namespace

SignedRank wilcoxon_signed_rank(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size()) throw internal_error("a paired test of lists of unequal length");
  SignedRank result;
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = a[i] - b[i];
    if (!std::isfinite(difference)) throw internal_error("a paired test of values that are not finite");
    if (difference == 0) {
      ++result.equal;
    } else {
      differences.push_back(difference);
    }
  }
  result.pairs = differences.size();
  if (differences.empty()) return result;

  std::sort(differences.begin(), differences.end(),
            [](double x, double y) { return std::abs(x) < std::abs(y); });
  std::vector<double> sizes;
  for (const double difference : differences) sizes.push_back(std::abs(difference));
  std::vector<std::size_t> ranks;  // doubled, so that ties keep whole numbers
  for (const double rank : midranks(sizes)) ranks.push_back(static_cast<std::size_t>(2 * rank));
  std::size_t positive = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) positive += differences[i] > 0 ? ranks[i] : 0;
  result.statistic = static_cast<double>(positive) / 2;

  const std::vector<double> chance = sum_distribution(ranks);
  const auto here = chance.begin() + static_cast<std::ptrdiff_t>(positive);
  const double below = std::accumulate(chance.begin(), here + 1, 0.0);
  const double above = std::accumulate(here, chance.end(), 0.0);
  result.p_value = std::min(1.0, 2 * std::min(below, above));
  return result;
}

}  // namespace discreet::stats
