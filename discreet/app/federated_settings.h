#pragma once

#include <optional>
#include <string>
#include <vector>

#include "discreet/app/settings.h"
#include "discreet/federated/compression.h"
#include "discreet/federated/labels.h"
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
  // What is local, and what of the model.
  std::string schedule_over = "rounds";
  double local_warmup = 0;
  std::string lora = "plain";
  std::vector<std::string> personal;
  double local_test_share = 0;
  std::string trainer = "auto";
  // Periods.
  std::string period_by;
  bool reset_server = false;
  double level = 0;
  std::string level_of;
  // Devices in time.
  bool clock = false;
  double seconds_per_example = 0.005, speed_spread = 0.6;
  double bytes_per_second = 1e6, network_spread = 1;
  double active_share = 1;
  double drop_download = 0, drop_train = 0, drop_upload = 0;
  double over_selection = 1;
  double deadline = 0;
  double least_reports = 0.8;
  std::int64_t concurrency = 0;
  std::int64_t most_lag = 0;
  // Noise of private runs.
  std::string noise = "central";
  std::int64_t least_survivors = 0;
  std::int64_t colluders = 0;
};

/// A whole federation: the section, taken apart.
struct FederatedSettings {
  FederatedOptions own;
  federated::SelectionOptions selection;
  federated::StrategyOptions strategy;
  federated::LabelOptions labels{};
};

/// Every key of the section.
std::vector<core::FieldInfo> federated_infos();

/// Reads [federated] of a configuration that `parse_settings` has accepted, and checks the keys against
/// each other and against `settings`. Throws: kUsage; kPrivacyRefused for what cannot be accounted for.
FederatedSettings parse_federated(const core::Config& config, const Settings& settings);
/// The section, complete.
Json dump_federated(const FederatedSettings& federated);
/// The whole configuration of a simulation, complete, for a run's config.toml.
Json dump_simulation(const Settings& settings, const FederatedSettings& federated);

/// Under secure aggregation nobody looks at a sum of fewer clients.
constexpr std::int64_t kLeastSecureSum = 3;

}  // namespace discreet::app
