#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> uniform_weights(const SelectionInput& input, const SelectionOptions& options) {
  return std::vector<double>(input.activity.size(), 1.0);
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_uniform(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "uniform",
                .summary = "Every device alike",
                .reference = "McMahan et al. 2017",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::uniform_weights}});
}

}  // namespace discreet
