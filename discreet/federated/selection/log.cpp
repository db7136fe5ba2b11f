#include <cmath>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> log_weights(const SelectionInput& input, const SelectionOptions& options) {
  std::vector<double> weights;
  for (const double n : input.activity) weights.push_back(std::log1p(n));
  return weights;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_log(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "log",
                .summary = "By log(1 + examples)",
                .reference = "",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::log_weights}});
}

}  // namespace discreet
