#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discreet/app/federated_settings.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/operation.h"
#include "discreet/core/run_dir.h"
#include "discreet/dp/ftrl_plan.h"
#include "discreet/federated/clipping.h"
#include "discreet/federated/engine/round.h"
#include "discreet/federated/storage.h"
#include "discreet/federated/virtual_clock.h"
#include "discreet/nn/distributed/data_parallel.h"
#include "discreet/privacy/correlated_noise.h"
#include "discreet/privacy/statement.h"

namespace discreet::app {

/// A client: its name and the places of its examples in the training data, in their order.
struct FederatedClient {
  std::string name;
  std::vector<std::int64_t> items;
  std::vector<std::int64_t> tests;  ///< Of its own examples those that it never trains on.
};

/// Who was asked to take part in a round.
struct Cohort {
  std::vector<federated::ClientJob> jobs;  ///< Weights: how often each was drawn.
  std::vector<double> inclusion;           ///< Beside them, where they are known.
  double all_examples = 0;                 ///< Of all devices.
  federated::SelectionCost cost;
};

/// A client at work in an asynchronous federation.
struct Flight {
  std::int64_t client = 0, version = 0;
  double arrival = 0;  ///< Virtual seconds.
  bool lost = false;   ///< It will not report.
};

/// DP-FTRL over rounds: the plan that knows order and cost, and the noise of the server.
struct FtrlRounds {
  std::unique_ptr<dp::FtrlPlan> plan;
  std::unique_ptr<privacy::CorrelatedNoise> noise;
  std::unique_ptr<privacy::FixedOrderSampler> order;
  std::unique_ptr<privacy::ParticipationGuard> guard;
  std::int64_t first = 0;  ///< The round at which the noise began: later than 0 after a resume.
};

/// Who was drawn for a private round. A round that is made again is made with the same clients.
struct DrawnCohort {
  std::int64_t place = -1;  ///< Of the round in the ledger.
  std::vector<std::int64_t> clients;
};

/// A simulation in progress: everything that a checkpoint keeps, or that is made again from the
/// configuration.
struct Federation {
  Settings settings;
  FederatedSettings federated;
  RunData data;
  std::shared_ptr<nn::ParallelRun> parallel = std::make_shared<nn::ParallelRun>();
  std::vector<FederatedClient> clients;
  std::vector<std::string> caveats;
  std::vector<federated::DeviceStore> stores;  ///< What each client holds now.
  std::int64_t periods = 1;
  std::int64_t period = 0;                     ///< Of the data in the stores.
  std::vector<std::int64_t> item_bytes;        ///< Of each training example's text.
  std::vector<std::int64_t> item_period;       ///< With period_by: when each arrives, from 1; else empty.
  double stored_mean = 0, stored_most = 0;     ///< Bytes on a device in this period.

  std::unique_ptr<federated::RoundRunner> runner;
  std::unique_ptr<federated::ServerStrategy> strategy;
  std::unique_ptr<federated::Compressor> compressor;
  federated::ClientMemories memories;
  std::shared_ptr<const federated::LabelSource> labels;  ///< Null: the data's own.
  std::vector<double> weights;  ///< [P] the server's model, in double precision.

  std::int64_t round = 0;                ///< Rounds done: of asynchronous strategies, server steps.
  std::int64_t lost_rounds = 0;          ///< Of a private run: in the ledger, but in no checkpoint.
  std::vector<std::int64_t> selected;    ///< [clients] rounds that each was asked in.
  std::vector<double> last_loss, last_root_mean_square;  ///< [clients] NaN: not known yet.
  /// Selection by gradients last seen: [clients, width] sketches and [clients] norms of mean gradients. NaN: not known.
  std::vector<float> seen_sketches;
  std::vector<double> seen_norms;
  Json rounds = Json::array();           ///< As in the document.
  Json period_metrics = Json::array();   ///< [periods done][period of the test data], main metric.

  // Time.
  std::vector<federated::DeviceProfile> devices;  ///< Empty without a clock.
  double seconds = 0;                    ///< Virtual.
  std::int64_t abandoned = 0;            ///< Rounds.
  std::int64_t update_bytes = 0;         ///< Of one update, as far as it is known before.
  std::vector<std::int64_t> reported;    ///< [clients] rounds that each reported in.
  std::vector<Flight> flights;           ///< Asynchronous: in the order of their departure.
  std::int64_t departures = 0;
  std::map<std::int64_t, std::shared_ptr<const std::vector<float>>> versions;  ///< That flights need.

  std::optional<core::RunDir> run;
  std::optional<privacy::PrivacyRun> plan;
  double noise_multiplier = 0;           ///< What a round counts as.
  double update_noise_multiplier = 0;    ///< Of that, what the updates get where counts take a share.
  double count_noise = 0;
  std::optional<federated::AdaptiveClip> clip;
  std::shared_ptr<FtrlRounds> ftrl;
  DrawnCohort drawn;
  std::int64_t ledger_end = 0;           ///< Past the last place that this process wrote into the ledger.
};

// federation_setup.cpp

/// Everything that configuration and data decide. Throws: kUsage for settings that no simulation has, and as its parts do.
std::unique_ptr<Federation> make_federation(const core::Config& config, const std::shared_ptr<nn::ParallelRun>& parallel);
/// The clients' learning rate in the next round.
double rate_of_round(const Federation& federation);

// federation.cpp: clients.

/// Divides the training data by [federated]. Throws as make_partition and read_partition do.
void divide_clients(Federation& federation);
/// Where clients' labels come from, if not from the data (federation_labels.cpp).
void prepare_labels(Federation& federation);
/// How many examples have a label with the final model, and how many of those are right.
Json labels_of(Federation& federation);
/// Who is asked in the next round. `busy` [clients] or empty: who cannot be. `cohort`: how many.
Cohort choose_clients(Federation& federation, std::vector<std::string>& notes);
Cohort choose_clients(Federation& federation, std::vector<std::string>& notes,
                      const std::vector<char>& busy, std::int64_t cohort, std::int64_t draw);
/// Gives the jobs of a cohort the weights of the run.
void weigh_clients(const Federation& federation, Cohort& cohort);
/// Selections that read gradients get them, at the server's model.
bool wants_gradients(const Federation& federation);
/// Whether it goes by gradients of earlier rounds, which are then part of what a checkpoint keeps.
bool remembers_gradients(const Federation& federation);

// federation_privacy.cpp

/// Plan of the privacy mechanism: rate, noise, statement as planned. Throws: kPrivacyRefused.
void plan_privacy(Federation& federation);
/// The clients of a private round, drawn by the process that leads.
std::vector<std::int64_t> draw_private_clients(Federation& federation, std::span<const double> activity);
/// Clip norm of the next round, and what clients themselves add to their updates.
void ask_privately(Federation& federation, federated::RoundRequest& request);
/// Adds noise to a sum of clipped updates and writes the ledger, before the sum is used. Returns false
/// if the round failed and nothing of the sum may be looked at.
bool make_private(Federation& federation, federated::RoundResult& result, Json& line);
/// A round that was lost before it was in the ledger: where clients drew secret noise of their own, a
/// second draw would be a second answer about the same updates, so that the first counts as a round.
void count_lost_attempt(Federation& federation);
privacy::PrivacyStatement state_federation(Federation& federation, const std::string& status);

// federation_periods.cpp

/// When examples arrive, and what they weigh.
void plan_periods(Federation& federation);
/// The data of the period that round `round` (from 1) lies in are on the devices.
void bring_data(Federation& federation, std::int64_t round);
/// Sets what devices store now.
void weigh_stores(Federation& federation);
bool ends_period(const Federation& federation);
/// Main metric on the test data of every period so far, and what periods came to in the end.
void note_period(Federation& federation);
Json continual_of(const Federation& federation);
/// The first evaluated round whose metric is at the level asked for; absent with a reason.
void note_level(const Federation& federation, Json& final);

// federation_clock.cpp

void draw_devices(Federation& federation);
/// Devices that are not there now.
std::vector<char> absent_devices(Federation& federation);
/// Who of a cohort reports in time; moves the clock. Returns false if the round is abandoned.
bool run_clock(Federation& federation, Cohort& cohort, Json& line);
/// Waits until a server step's updates have arrived. Notes go into `line`.
Cohort next_arrivals(Federation& federation, Json& line);
Json clock_of(const Federation& federation);

// federation_personal.cpp

/// Personal models and the server's on what each client kept from training.
Json personal_of(Federation& federation);

// federation_state.cpp

void save_federation(Federation& federation);
void load_federation(Federation& federation, const core::Checkpoint& checkpoint);
/// Rounds that were noised and then lost are not made again; the run ends that much earlier. Throws:
/// kPrivacyRefused if none is left.
void allow_for_lost_rounds(Federation& federation);

// federated_simulate.cpp

std::string main_metric_of_task(const std::string& task);
bool is_asynchronous(const Federation& federation);
bool has_personal_models(const Federation& federation);
/// Clients keep something between rounds, on the process that serves them.
bool clients_remember(const Federation& federation);
/// Rank 0 goes on without the others, one of which is gone.
void leave_others(Federation& federation, const nn::LostProcess& lost, const std::string& what);
/// Metrics of the server's model. Whole: also of the texts that it writes.
Json evaluate_federation(Federation& federation, bool whole);

}  // namespace discreet::app
