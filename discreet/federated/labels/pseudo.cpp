#include <algorithm>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/labels.h"

namespace discreet::federated {
namespace {

/// What the model received is sure of.
std::vector<DeviceLabel> pseudo_labels(const LabelInput& input, const LabelOptions& options, std::uint64_t) {
  const auto c = static_cast<std::size_t>(input.classes);
  std::vector<DeviceLabel> labels;
  for (std::size_t i = 0; i < input.examples.size(); ++i) {
    const auto own = input.probabilities.subspan(i * c, c);
    const auto best = std::max_element(own.begin(), own.end());
    const bool sure = *best >= static_cast<float>(options.label_threshold);
    labels.push_back({.label = best - own.begin(), .weight = sure ? 1.0 : 0.0});
  }
  return labels;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_labels_pseudo(core::Registry& registry) {
  registry.add({.kind = "labels",
                .name = "pseudo",
                .summary = "Predictions of the model received that it is sure of (label_threshold); label_given starts it",
                .reference = "Lee 2013; Sohn et al. 2020",
                .fields = federated::label_fields().info(),
                .make = federated::LabelProvider{.make = federated::pseudo_labels, .reads_model = true}});
}

}  // namespace discreet
