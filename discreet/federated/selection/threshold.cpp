#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> threshold_weights(const SelectionInput& input, const SelectionOptions& options) {
  double least = static_cast<double>(options.least);
  if (options.top_share > 0) {
    std::vector<double> sorted(input.activity.begin(), input.activity.end());
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    const auto pool = static_cast<std::size_t>(std::ceil(options.top_share * double(sorted.size())));
    if (pool > 0) least = sorted[std::min(pool, sorted.size()) - 1];
  }
  std::vector<double> weights;
  for (const double n : input.activity) weights.push_back(n >= least ? 1 : 0);
  return weights;
}

/// Who is among the most active depends on all.
bool threshold_compares(const SelectionOptions& options) { return options.top_share > 0; }

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_threshold(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "threshold",
                .summary = "Every device alike that holds enough examples, or that is among the most active",
                .reference = "",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::threshold_weights, .compares = federated::threshold_compares}});
}

}  // namespace discreet
