#pragma once

#include <memory>
#include <vector>

#include "discreet/federated/engine/robust_loss.h"
#include "discreet/federated/labels.h"

namespace discreet::federated {

/// Where clients' labels come from in a simulation: the provider, the loss, and what the simulator knows of
/// the training data. Shared by all threads, changed by none.
struct LabelSource {
  LabelOptions options;
  std::uint64_t seed = 1;
  std::int64_t classes = 0;
  std::vector<std::int64_t> truth;               ///< [M]
  std::vector<std::vector<std::string>> words;   ///< [M]
  std::vector<std::string> clients;              ///< Names.
  std::vector<std::string> names;                ///< [M] a client's name and the example's place with it.
  std::vector<LabelRule> rules;
  LabelModel model;                              ///< weak with em; no classes: none
  std::shared_ptr<const RobustLoss> loss;        ///< Null: the model's own loss stands.

  bool reads_model() const { return label_provider(options.labels).reads_model; }
  /// Of the examples at these places; `probabilities` [n, C] where `reads_model`.
  std::vector<DeviceLabel> labels_of(std::int64_t client, std::span<const std::int64_t> examples,
                                     std::span<const float> probabilities) const;
};

/// Reads rules, fits the label model to all clients' votes by sums, makes the loss.
/// `clients`: places of each client's examples; `client_names`: keys of their random streams. Throws: kUsage; kBadData for the rules.
std::shared_ptr<const LabelSource> make_label_source(const LabelOptions& options, std::uint64_t seed,
                                                     const std::vector<std::string>& class_names,
                                                     std::vector<std::int64_t> truth,
                                                     std::vector<std::vector<std::string>> words,
                                                     std::span<const std::vector<std::int64_t>> clients,
                                                     std::vector<std::string> client_names);

}  // namespace discreet::federated
