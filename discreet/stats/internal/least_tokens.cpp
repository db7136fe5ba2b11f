#include "discreet/stats/internal/least_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace discreet::stats::internal {

double mean_of_least(std::vector<double> values, double share) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto kept = std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(values.size()) * share));
  const auto end = values.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(values.begin(), end, values.end());
  return std::accumulate(values.begin(), end, 0.0) / static_cast<double>(kept);
}

core::FieldSpec least_share_spec() {
  return {.min = 0, .max = 1, .above_min = true, .doc = "Share of the tokens, the least likely ones, that count."};
}

}  // namespace discreet::stats::internal
