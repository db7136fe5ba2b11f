#include <algorithm>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/federated/labels.h"

namespace discreet::federated {
namespace {

/// Rules vote; a label model weighs them. The weight is how sure it is.
std::vector<DeviceLabel> weak_labels(const LabelInput& input, const LabelOptions& options, std::uint64_t) {
  if (input.rules == nullptr) throw internal_error("weak labels without rules");
  const auto c = static_cast<std::size_t>(input.classes);
  const Votes votes = vote_by_rules(*input.rules, input.words);
  const bool majority = options.label_model == "majority" || input.model == nullptr;
  const auto shares = majority ? majority_posterior(votes, input.classes) : posterior(*input.model, votes);
  std::vector<DeviceLabel> labels;
  for (std::size_t i = 0; i < input.examples.size(); ++i) {
    const auto own = std::span<const double>(shares).subspan(i * c, c);
    const auto best = std::max_element(own.begin(), own.end());
    const auto first = votes.vote.begin() + static_cast<std::ptrdiff_t>(i * static_cast<std::size_t>(votes.rules));
    const bool any = std::any_of(first, first + votes.rules, [](std::int32_t vote) { return vote >= 0; });
    labels.push_back({.label = best - own.begin(), .weight = any ? *best : 0});
  }
  return labels;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_labels_weak(core::Registry& registry) {
  registry.add({.kind = "labels",
                .name = "weak",
                .summary = "Votes of labelling rules (label_rules), weighed by a label model",
                .reference = "Ratner et al. 2016; Dawid and Skene 1979",
                .fields = federated::label_fields().info(),
                .make = federated::LabelProvider{.make = federated::weak_labels}});
}

}  // namespace discreet
