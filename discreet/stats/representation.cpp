#include "discreet/stats/representation.h"

#include <cmath>
#include <vector>

#include "discreet/core/error.h"

namespace discreet::stats {

std::optional<double> representation_bias(std::span<const double> counts, std::span<const std::uint64_t> list_sizes) {
  if (counts.size() != list_sizes.size()) throw internal_error("each group needs a count and a list");
  std::vector<double> rates;
  double sum = 0;
  for (std::size_t g = 0; g < counts.size(); ++g) {
    if (list_sizes[g] == 0) throw internal_error("a group's list of words is empty");
    rates.push_back(counts[g] / static_cast<double>(list_sizes[g]));
    sum += rates.back();
  }
  if (sum == 0) return std::nullopt;
  double distance = 0;
  for (const double rate : rates) distance += std::abs(rate / sum - 1 / static_cast<double>(rates.size()));
  return distance / 2;
}

}  // namespace discreet::stats
