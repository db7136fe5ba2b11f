#include <algorithm>
#include <cmath>
#include <map>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/internal/group_tables.h"

namespace discreet::stats::internal {
namespace {

/// What examples must share to exchange their groups.
enum class Exchange { kAll, kLabel, kPrediction };

Exchange exchange_of(const GapRule& rule, std::span<const RateRule> rates) {
  const unsigned denominator = rates[rule.rates.front()].denominator;
  if (denominator == (kTp | kFn) || denominator == (kFp | kTn)) return Exchange::kLabel;
  if (denominator == (kTp | kFp) || denominator == (kFn | kTn)) return Exchange::kPrediction;
  return Exchange::kAll;
}

/// How far a gap is from equal rates.
double distance(const GapRule& rule, double value) {
  return rule.spread == Spread::kRatio ? 1 - value : std::abs(value);
}

std::vector<std::vector<std::uint32_t>> exchangeable_sets(const GroupedPredictions& data, Exchange exchange) {
  std::map<std::int64_t, std::vector<std::uint32_t>> sets;
  for (std::uint32_t i = 0; i < data.group.size(); ++i) {
    sets[exchange == Exchange::kLabel ? data.label[i] : exchange == Exchange::kPrediction ? data.prediction[i] : 0]
        .push_back(i);
  }
  std::vector<std::vector<std::uint32_t>> list;
  for (auto& [key, set] : sets) list.push_back(std::move(set));
  return list;
}

}  // namespace

std::vector<std::optional<double>> permutation_p_values(const GroupedPredictions& data,
                                                        const std::vector<GapRule>& rules,
                                                        const RateMembers& members, const GroupOptions& options) {
  std::vector<std::optional<double>> p(rules.size());
  if (options.permutations == 0) return p;
  const auto rates = rate_rules(data.binary);
  Tables tables(data);
  tables.count_as(data.group);
  std::vector<std::optional<double>> observed(rules.size());
  for (std::size_t r = 0; r < rules.size(); ++r) observed[r] = gap_of(tables, rules[r], rates, members, data.groups);

  for (const Exchange exchange : {Exchange::kAll, Exchange::kLabel, Exchange::kPrediction}) {
    std::vector<std::size_t> tested;
    for (std::size_t r = 0; r < rules.size(); ++r) {
      if (observed[r] && exchange_of(rules[r], rates) == exchange) tested.push_back(r);
    }
    if (tested.empty()) continue;
    const auto sets = exchangeable_sets(data, exchange);
    core::ReproducibleRng rng(options.seed, "group permutation " + std::to_string(static_cast<int>(exchange)));
    std::vector<std::uint32_t> group(data.group.begin(), data.group.end()), own;
    std::vector<std::uint64_t> hits(rules.size());
    for (std::uint64_t round = 0; round < options.permutations; ++round) {
      for (const auto& set : sets) {
        own.clear();
        for (const std::uint32_t i : set) own.push_back(group[i]);
        core::shuffle(std::span<std::uint32_t>(own), rng);
        for (std::size_t k = 0; k < set.size(); ++k) group[set[k]] = own[k];
      }
      tables.count_as(group);
      for (const std::size_t r : tested) {
        const auto value = gap_of(tables, rules[r], rates, members, data.groups);
        // Sums in another order may differ in the last bit: ties are hits.
        const double far = distance(rules[r], *observed[r]);
        hits[r] += !value || distance(rules[r], *value) >= far - 1e-12 * (1 + far) ? 1 : 0;
      }
    }
    for (const std::size_t r : tested) {
      p[r] = static_cast<double>(1 + hits[r]) / static_cast<double>(1 + options.permutations);
    }
  }
  return p;
}

std::string test_key(const GapRule& rule, bool binary) {
  const auto rates = rate_rules(binary);
  std::string key = std::to_string(static_cast<int>(rule.spread)) + "/" + std::to_string(static_cast<int>(rule.combine));
  if (rule.rates.size() == 1) key = std::to_string(static_cast<int>(rule.spread));
  for (const std::size_t rate : rule.rates) {
    const RateRule& r = rates[rate];
    // A complement differs in the numerator alone and has the same differences, not the same ratios.
    const unsigned numerator = rule.spread == Spread::kRatio ? r.numerator : std::min(r.numerator, r.denominator & ~r.numerator);
    key += ":" + std::to_string(numerator) + "/" + std::to_string(r.denominator);
  }
  return key;
}

}  // namespace discreet::stats::internal
