#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/labels.h"

namespace discreet::federated {
namespace {

/// What people wrote beside their texts, right or not.
std::vector<DeviceLabel> given_labels(const LabelInput& input, const LabelOptions& options, std::uint64_t seed) {
  const LabelNoise noise = label_noise_of(options, input.classes);
  std::vector<DeviceLabel> labels;
  for (std::size_t i = 0; i < input.examples.size(); ++i) {
    labels.push_back({.label = noisy_label(noise, input.truth[i], input.classes, input.words[i], seed, input.examples[i]),
                      .weight = 1});
  }
  return labels;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_labels_given(core::Registry& registry) {
  registry.add({.kind = "labels",
                .name = "given",
                .summary = "The labels of the data, with label_noise of them wrong",
                .fields = federated::label_fields().info(),
                .make = federated::LabelProvider{.make = federated::given_labels}});
}

}  // namespace discreet
