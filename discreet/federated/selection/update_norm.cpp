#include <cmath>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

std::vector<double> update_norm_weights(const SelectionInput& input, const SelectionOptions&) {
  if (input.update_norm.size() != input.activity.size()) {
    throw usage_error("selection update-norm needs the norm of every device's update");
  }
  // A norm that nobody has seen counts as the mean of those seen, or as 1.
  double sum = 0;
  int seen = 0;
  for (const double norm : input.update_norm) {
    if (std::isnan(norm)) continue;
    sum += norm;
    ++seen;
  }
  std::vector<double> weights(input.update_norm.begin(), input.update_norm.end());
  for (double& weight : weights) {
    if (std::isnan(weight)) weight = seen > 0 && sum > 0 ? sum / seen : 1;
  }
  return weights;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_update_norm(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "update-norm",
                .summary = "By the norm of the update that each device would send",
                .reference = "Chen, Horvath and Richtarik 2022",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.weights = federated::update_norm_weights, .reads_models = true}});
}

}  // namespace discreet
