#include "discreet/stats/cooccurrence.h"

#include <cmath>

namespace discreet::stats {

Cooccurrence::Cooccurrence(std::set<std::string> first, std::set<std::string> second, std::set<std::string> left_out,
                           double decay)
    : groups_{std::move(first), std::move(second)}, left_out_(std::move(left_out)), decay_(decay) {}

void Cooccurrence::add(const std::vector<std::string>& tokens) {
  std::vector<std::pair<std::size_t, int>> places;  // of group words
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    for (int g = 0; g < 2; ++g) {
      if (groups_[g].count(tokens[i]) == 0) continue;
      places.emplace_back(i, g);
      ++occurrences_[g];
    }
  }
  if (places.empty()) return;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string& word = tokens[i];
    if (left_out_.count(word) > 0 || groups_[0].count(word) > 0 || groups_[1].count(word) > 0) continue;
    for (const auto& [at, g] : places) {
      counts_[g][word] += std::pow(decay_, static_cast<double>(at > i ? at - i : i - at));
    }
  }
}

Cooccurrence::Result Cooccurrence::result(const std::set<std::string>* targets) const {
  Result result;
  result.first = occurrences_[0];
  result.second = occurrences_[1];
  double sums[2] = {0, 0};
  for (int g = 0; g < 2; ++g) {
    for (const auto& [word, count] : counts_[g]) sums[g] += count;
  }
  double total = 0;
  for (const auto& [word, first] : counts_[0]) {
    if (targets != nullptr && targets->count(word) == 0) continue;
    const auto second = counts_[1].find(word);
    if (second == counts_[1].end()) {
      ++result.one_sided;
      continue;
    }
    const double share_1 = first / sums[0] / static_cast<double>(occurrences_[0]);
    const double share_2 = second->second / sums[1] / static_cast<double>(occurrences_[1]);
    result.words.push_back({word, first, second->second, std::abs(std::log10(share_1 / share_2))});
    total += result.words.back().score;
  }
  for (const auto& [word, second] : counts_[1]) {
    if (targets != nullptr && targets->count(word) == 0) continue;
    result.one_sided += counts_[0].count(word) == 0;
  }
  if (!result.words.empty()) result.mean = total / static_cast<double>(result.words.size());
  return result;
}

}  // namespace discreet::stats
