#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/federated/labels.h"

namespace discreet::federated {
namespace {

/// Users say whether the prediction was right. Each errs at a rate of their own, uniform up to twice the
/// mean (arXiv 2205.03092 simulates feedback in this way, with one rate for all).
std::vector<DeviceLabel> feedback_labels(const LabelInput& input, const LabelOptions& options, std::uint64_t seed) {
  const auto c = static_cast<std::size_t>(input.classes);
  core::ReproducibleRng user(seed, fmt::format("feedback.user.{}", input.client));
  const double rate = std::min(1.0, 2 * options.label_noise * user.uniform());
  std::vector<DeviceLabel> labels;
  for (std::size_t i = 0; i < input.examples.size(); ++i) {
    const auto own = input.probabilities.subspan(i * c, c);
    const std::int64_t predicted = std::max_element(own.begin(), own.end()) - own.begin();
    core::ReproducibleRng rng(seed, fmt::format("feedback.{}", input.examples[i]));
    const bool answers = rng.uniform() < options.label_response;
    const bool errs = rng.uniform() < rate;
    const bool says_right = (predicted == input.truth[i]) != errs;
    labels.push_back({.label = predicted, .weight = answers ? 1.0 : 0.0, .says = says_right ? LabelSays::kYes : LabelSays::kNo});
  }
  return labels;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_labels_feedback(core::Registry& registry) {
  registry.add({.kind = "labels",
                .name = "feedback",
                .summary = "Users' yes or no to the prediction of the model received, label_noise of it wrong",
                .reference = "Sharma et al. 2022, arXiv 2205.03092",
                .fields = federated::label_fields().info(),
                .make = federated::LabelProvider{.make = federated::feedback_labels, .reads_model = true}});
}

}  // namespace discreet
