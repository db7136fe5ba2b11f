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
  for (const double n : input.activity) weights.push_back(n > 0 ? (1 - options.mixing) * n / all + options.mixing / holders : 0);
  return weights;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_mixture(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "mixture",
                .summary = "By the number of examples, mixed with every device alike",
                .reference = "",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::mixture_weights}});
}

}  // namespace discreet
