#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/labels.h"

namespace discreet::federated {
namespace {

std::vector<DeviceLabel> no_labels(const LabelInput& input, const LabelOptions&, std::uint64_t) {
  return std::vector<DeviceLabel>(input.examples.size());
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_labels_self_supervision(core::Registry& registry) {
  registry.add({.kind = "labels",
                .name = "self-supervision",
                .summary = "The text itself: the next word, or words that are hidden (tasks language-model and masked-lm)",
                .fields = federated::label_fields().info(),
                .make = federated::LabelProvider{.make = federated::no_labels, .keeps_loss = true}});
}

}  // namespace discreet
