#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discreet/app/settings.h"
#include "discreet/federated/compression.h"
#include "discreet/federated/partition.h"
#include "discreet/federated/selection.h"
#include "discreet/federated/strategy.h"

namespace discreet::app {

/// [federated]: its own keys. The keys of selection and strategy (`discreet explain uniform`, `explain
/// fedadam`) stand in the same section.
struct FederatedOptions {
  std::string strategy = "fedavg";
  std::string selection = "uniform";
  std::string weights = "examples";
  std::int64_t rounds = 50;
  std::int64_t local_epochs = 1;
  std::int64_t local_steps = 0;
  std::string partition = "natural";
  std::string by = "user";
  std::int64_t clients = 0;
  double alpha = 1;
  std::int64_t min_examples = 1;
  std::int64_t periods = 1;
  std::string storage = "keep-all";
  std::string compression = "none";
  double compression_share = 0.01;
  double sampling_rate = 0;
  bool secure_aggregation = false;
};

/// A whole federation: the section, taken apart.
struct FederatedSettings {
  FederatedOptions own;
  federated::SelectionOptions selection;
  federated::StrategyOptions strategy;
};

/// Every key of the section.
std::vector<core::FieldInfo> federated_infos();

/// Reads [federated] of a configuration that `parse_settings` has accepted, and checks the keys against
/// each other and against `settings`. Throws: kUsage; kPrivacyRefused for what cannot be accounted for.
FederatedSettings parse_federated(const core::Config& config, const Settings& settings);
/// The section, complete, for a run's config.toml.
Json dump_federated(const FederatedSettings& federated);

}  // namespace discreet::app
