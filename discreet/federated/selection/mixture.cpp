#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> mixture_weights(const SelectionInput& input, const SelectionOptions& options) {
  double all = 0, holders = 0;
  for (const double n : input.activity) {
    all += n;
    holders += n > 0;
  }
  std::vector<double> weights;
  for (const double n : input.activity) weights.push_back(n > 0 ? (1 - options.uniform_share) * n / all + options.uniform_share / holders : 0);
  return weights;
}

/// The shares of all examples and of all holders weigh differently for each device.
bool mixture_compares(const SelectionOptions& options) { return options.uniform_share > 0 && options.uniform_share < 1; }

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_mixture(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "mixture",
                .summary = "By the number of examples, mixed with every device alike",
                .reference = "",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::mixture_weights, .compares = federated::mixture_compares}});
}

}  // namespace discreet
