#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> activity_weights(const SelectionInput& input, const SelectionOptions& options) {
  return {input.activity.begin(), input.activity.end()};
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_activity(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "activity",
                .summary = "By the number of examples",
                .reference = "Learnings from Federated Learning in the Real World, 2022",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::activity_weights}});
}

}  // namespace discreet
