#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "discreet/federated/compression.h"
#include "discreet/federated/engine/client_trainer.h"
#include "discreet/federated/fixed_point.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {

/// One client of a round.
struct ClientJob {
  std::int64_t client = 0;
  std::vector<std::int64_t> examples;
  double weight = 1;
};

/// What clients keep between their rounds, by client: error feedback, SCAFFOLD's control variates.
struct ClientMemories {
  std::map<std::int64_t, std::vector<float>> compression;
  std::map<std::int64_t, std::vector<float>> control;
  std::vector<double> server_control;  ///< Empty without SCAFFOLD.
};

struct RoundRequest {
  std::int64_t round = 0;
  std::span<const float> start;  ///< [P]
  std::vector<ClientJob> jobs;
  double clip_norm = 0;          ///< Of each whole update; 0: left alone.
  bool alike = false;            ///< Private: every update counts 1, whatever the strategy's factors.
  std::int64_t all_clients = 0;  ///< N, for SCAFFOLD.
};

struct RoundResult {
  std::vector<double> sum;  ///< [P] of factor * difference; of `combine` for robust strategies.
  std::vector<ClientReport> reports;  ///< Of those that count, by client number.
  std::vector<double> root_mean_square_loss;  ///< Beside them.
  std::vector<std::int64_t> dropped;  ///< Clients whose update was not finite or far too large.
  std::int64_t clipped = 0;
  std::int64_t bytes_up = 0;
  std::int64_t bytes_down = 0;
};

/// Trains the clients of a round on one model per worker thread and adds their updates up.
///
/// Guarantee: the result is the same bit for bit for any number of threads and any order of jobs: each
/// client's work is a function of (seed, round, client), and sums are in 64-bit fixed point.
/// Memory: a model and two vectors [P] per thread, whatever the cohort; robust strategies keep every
/// update of the round.
class RoundRunner {
 public:
  using MakeModel = std::function<std::shared_ptr<nn::Model>()>;
  RoundRunner(MakeModel make_model, std::shared_ptr<const nn::EncodedExamples> data,
              const LocalOptions& options, int threads);

  std::int64_t values() const { return trainers_.front()->values(); }
  ClientTrainer& first() { return *trainers_.front(); }
  RoundResult run(const RoundRequest& request, const ServerStrategy& strategy,
                  const Compressor& compressor, ClientMemories& memories);

 private:
  struct Outcome;
  Outcome work(const RoundRequest& request, const ClientJob& job, const ServerStrategy& strategy,
               const Compressor& compressor, ClientMemories& memories, ClientTrainer& trainer,
               std::vector<float>& difference);

  LocalOptions options_;
  std::vector<std::unique_ptr<ClientTrainer>> trainers_;
};

}  // namespace discreet::federated
