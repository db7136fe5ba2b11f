#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "discreet/core/threads.h"
#include "discreet/federated/compression.h"
#include "discreet/federated/engine/client_trainer.h"
#include "discreet/federated/engine/small_trainer.h"
#include "discreet/federated/fixed_point.h"
#include "discreet/federated/strategy.h"

namespace discreet::nn {
class ProcessGroup;
}

namespace discreet::federated {

/// One client of a round.
struct ClientJob {
  std::int64_t client = 0;
  std::vector<std::int64_t> examples;
  double weight = 1;
  /// [P] the model that this client began with, where clients of a round have different ones
  /// (asynchronous strategies); null: the round's.
  std::shared_ptr<const std::vector<float>> start{};
  double lag = 0;  ///< Server versions since then.
};

/// What clients keep between their rounds, by client: error feedback, SCAFFOLD's control variates,
/// personal models or parts of models.
struct ClientMemories {
  std::map<std::int64_t, std::vector<float>> compression;
  std::map<std::int64_t, std::vector<float>> control;
  std::map<std::int64_t, std::vector<float>> personal;  ///< [P] of Ditto or [Q] of partial models.
  std::vector<double> server_control;  ///< Empty without SCAFFOLD.
};

struct RoundRequest {
  std::int64_t round = 0;
  std::span<const float> start;  ///< [P]
  std::vector<ClientJob> jobs;
  double clip_norm = 0;          ///< Of each whole update; 0: left alone.
  bool alike = false;            ///< Private: every update counts 1, whatever the strategy's factors.
  bool one_draw = false;         ///< Secure aggregation: a compressor's places and roundings are alike on all clients.
  std::int64_t all_clients = 0;  ///< N, for SCAFFOLD.
  double learning_rate = 0;      ///< Of the clients in this round; 0: that of LocalOptions.
  /// Called on each update after clipping: noise that clients add themselves, also those that have nothing to send.
  /// Several threads at once.
  std::function<void(std::int64_t client, std::span<float> update)> client_noise{};
};

struct RoundResult {
  /// [P] of factor * difference; of `combine` for robust strategies; zeros with fewer reports than the strategy needs.
  std::vector<double> sum;
  std::vector<ClientReport> reports;  ///< Of those that count, by their places in `jobs`.
  std::vector<double> root_mean_square_loss;  ///< Beside them; NaN: not known.
  std::vector<std::int64_t> dropped;  ///< Clients without examples, or whose update was not finite or far too large.
  std::int64_t clipped = 0;
  double below = 0;  ///< Sum over the updates that count: +1/2 if the norm was at most clip_norm, else -1/2.
  std::int64_t bytes_up = 0;
  std::int64_t bytes_down = 0;
  double client_seconds = 0;  ///< Clients' own work on this process, all threads together.
};

/// Trains the clients of a round on one model per worker thread and adds their updates up, on the
/// threads of one process or of several.
///
/// Guarantee: the result is the same bit for bit for any number of threads and processes and any order
/// of jobs: each client's work is a function of (seed, round, client), and sums are in 64-bit fixed
/// point. Several processes: all make the same calls; each trains its share of the jobs, and one exchange
/// of one flat buffer of integers ends the round. What clients keep between rounds stays on the process
/// that serves them: client number modulo processes where there is such memory, else whoever has least to
/// do.
/// Memory: a model and two vectors [P] per thread, whatever the cohort; robust strategies keep every
/// update of the round.
class RoundRunner {
 public:
  using MakeModel = std::function<std::shared_ptr<nn::Model>()>;
  /// Makes a client's examples when it trains, in place of places in the common data: its memory is
  /// then that of the clients at work, however many there are.
  using Source = std::function<std::shared_ptr<const nn::EncodedExamples>(std::int64_t client)>;

  RoundRunner(MakeModel make_model, std::shared_ptr<const nn::EncodedExamples> data,
              const LocalOptions& options, int threads);
  ~RoundRunner();

  /// Trains by SmallTrainer from now on. Throws: kInternal if the shape is not that of the model.
  void use_small(const nn::stacked::Shape& shape, std::shared_ptr<const nn::StackedData> data);
  bool is_small() const { return small_; }
  void set_source(Source source) { source_ = std::move(source); }
  void set_processes(std::shared_ptr<nn::ProcessGroup> group) { group_ = std::move(group); }

  std::int64_t values() const { return trainers_.front()->values(); }
  /// Of these, what a client sends and receives.
  std::int64_t sent_values() const { return trainers_.front()->sent_values(); }
  ClientTrainer& first() { return *trainers_.front(); }
  /// Throws: LostProcess if another process ended; the memories may then be those of half a round.
  RoundResult run(const RoundRequest& request, const ServerStrategy& strategy,
                  const Compressor& compressor, ClientMemories& memories);
  /// Gives back the memory of a result's sum, for the next round's.
  void recycle(std::vector<double> sum) { spare_ = std::move(sum); }

  /// Mean gradients [jobs, width] of the jobs' examples at `start`, as count sketches
  /// (ClientTrainer::gradient_sketches), and their norms [jobs].
  struct Gradients {
    std::vector<float> sketches;
    std::vector<double> norms;
  };
  Gradients client_gradients(std::span<const float> start, const std::vector<ClientJob>& jobs,
                             std::int64_t width);

  /// Personal models' start [Q]: what the parameters were when the runner was made.
  const std::vector<float>& personal_start() const { return personal_start_; }

 private:
  struct Outcome;
  struct Worker;
  /// Calls `work` for each place below `count`, each time with a worker that no other thread holds. Hands
  /// out places in runs that take some 100 microseconds, by what clients took before.
  void on_workers(std::size_t count, const std::function<void(std::size_t place, Worker& worker)>& work);
  Outcome work(const RoundRequest& request, const ClientJob& job, const ServerStrategy& strategy,
               const Compressor& compressor, ClientMemories& memories, Worker& worker);
  void send_noise(const RoundRequest& request, const ClientJob& job, Outcome& outcome, Worker& worker) const;
  void report_training(const LocalWork& work, const LocalResult& result, Outcome& outcome) const;
  void train_personal(const RoundRequest& request, const ClientJob& job, std::span<const float> start,
                      ClientMemories& memories, Worker& worker);
  std::vector<std::size_t> my_jobs(const RoundRequest& request, bool sticky) const;
  bool is_alone() const;

  LocalOptions options_;
  std::vector<std::unique_ptr<ClientTrainer>> trainers_;
  std::vector<std::unique_ptr<Worker>> workers_;
  core::ThreadCrew crew_;
  double seconds_per_client_ = 0;  // in the last round, for `on_workers`
  std::vector<double> spare_;
  std::vector<float> personal_start_;
  std::shared_ptr<nn::ProcessGroup> group_;
  Source source_;
  bool small_ = false;
};

}  // namespace discreet::federated
