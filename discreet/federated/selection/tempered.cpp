#include <cmath>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> tempered_weights(const SelectionInput& input, const SelectionOptions& options) {
  std::vector<double> weights;
  for (const double n : input.activity) weights.push_back(n > 0 ? std::pow(n, options.gamma) : 0);
  return weights;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_tempered(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "tempered",
                .summary = "By the number of examples to the power gamma",
                .reference = "",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::tempered_weights}});
}

}  // namespace discreet
