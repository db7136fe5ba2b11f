#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discreet/app/federated_settings.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/operation.h"
#include "discreet/core/run_dir.h"
#include "discreet/federated/engine/round.h"
#include "discreet/federated/storage.h"
#include "discreet/privacy/statement.h"

namespace discreet::app {

/// A client: its name and the places of its examples in the training data, in their order.
struct FederatedClient {
  std::string name;
  std::vector<std::int64_t> items;
};

/// A simulation in progress: everything that a checkpoint keeps, or that is made again from the
/// configuration.
struct Federation {
  Settings settings;
  FederatedSettings federated;
  RunData data;
  std::vector<FederatedClient> clients;
  std::vector<std::string> caveats;
  std::vector<federated::DeviceStore> stores;  ///< What each client holds now.
  std::int64_t period = 0;                     ///< Of the data in the stores.

  std::unique_ptr<federated::RoundRunner> runner;
  std::unique_ptr<federated::ServerStrategy> strategy;
  std::unique_ptr<federated::Compressor> compressor;
  federated::ClientMemories memories;
  std::vector<double> weights;  ///< [P] the server's model, in double precision.

  std::int64_t round = 0;                ///< Rounds done.
  std::vector<std::int64_t> selected;    ///< [clients] rounds that each took part in.
  std::vector<double> last_loss, last_root_mean_square;  ///< [clients] NaN: not known yet.
  Json rounds = Json::array();           ///< As in the document.

  std::optional<core::RunDir> run;
  std::optional<privacy::PrivacyRun> plan;
  double noise_multiplier = 0;
};

/// Divides the training data by [federated]. Throws as make_partition and read_partition do.
void divide_clients(Federation& federation);
/// Plan of the privacy mechanism: rate, noise, statement as planned. Throws: kPrivacyRefused.
void plan_privacy(Federation& federation);
/// Who takes part in the next round, with weights.
std::vector<federated::ClientJob> choose_clients(Federation& federation, std::vector<std::string>& notes);
/// Adds noise to a sum of clipped updates and writes the ledger, before the sum is used.
void make_private(Federation& federation, std::vector<double>& sum);

void save_federation(Federation& federation);
void load_federation(Federation& federation, const core::Checkpoint& checkpoint);

}  // namespace discreet::app
