#include <algorithm>
#include <cmath>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> softmax_weights(const SelectionInput& input, const SelectionOptions& options) {
  if (!(options.temperature > 0)) {
    throw usage_error("selection softmax needs a temperature", "Set it in examples, for example 100.");
  }
  double most = 0;
  for (const double n : input.activity) most = std::max(most, n);
  std::vector<double> weights;
  for (const double n : input.activity) weights.push_back(std::exp((n - most) / options.temperature));
  return weights;
}

/// Beside a much larger device others' weights underflow to 0, and they are not drawn at all.
bool softmax_compares(const SelectionOptions&) { return true; }

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_softmax(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "softmax",
                .summary = "By exp(examples / temperature)",
                .reference = "",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::softmax_weights, .compares = federated::softmax_compares}});
}

}  // namespace discreet
