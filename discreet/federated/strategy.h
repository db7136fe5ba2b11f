#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/fields.h"

namespace discreet::federated {

/// Knobs of the server's strategies; each reads its own.
struct StrategyOptions {
  double server_learning_rate = 1;
  double momentum = 0.9;          ///< fedavgm, diloco
  double beta1 = 0.9;             ///< fedadam, fedyogi; fedadagrad: 0 as published
  double beta2 = 0.99;            ///< fedadam, fedyogi
  double tau = 1e-3;              ///< Added to the root of the second moment; fedexp: to the mean's squared norm.
  std::string initial_v = "tau2";  ///< tau2: as published; zero.
  std::string bias = "none";       ///< none: as published; textbook; shifted (round + 1).
  double fairness = 1;             ///< qfedavg: q; 0 is FedAvg.
  double lipschitz = 1;            ///< qfedavg: 1 / local learning rate.
  double trim = 0.1;               ///< trimmed-mean: share cut off at each end.
  std::int64_t hostile = 1;        ///< krum: clients that may be hostile.
  std::int64_t keep = 1;           ///< krum: updates averaged; 1: Krum, more: Multi-Krum.
  std::int64_t buffer = 10;        ///< fedbuff
  std::string staleness = "root";  ///< fedbuff: root 1/sqrt(1+s), nvflare 1/(1+sqrt(s)), none.
  double mixing = 0.6;             ///< fedasync: alpha
  double mixing_decay = 0.5;       ///< fedasync: power of (1 + lag)
  double proximal = 0.01;          ///< fedprox: mu, in the clients' loss
  double personal_pull = 0.1;      ///< ditto: lambda, in the loss of the personal models
};

const core::Fields<StrategyOptions>& strategy_fields();

/// What the server knows of one client's update beside the update.
struct ClientReport {
  std::int64_t client = 0;
  double examples = 0;
  double weight = 0;        ///< By the aggregation weights of the run.
  double local_steps = 0;   ///< Optimiser steps made.
  double accumulation = 0;  ///< L1 norm of FedNova's accumulation vector; local_steps for plain SGD.
  double squared_norm = 0;  ///< Of its difference w_k - w.
  double loss = 0;          ///< Mean loss at the model that it got.
  double lag = 0;           ///< Server versions that passed since then.
};

/// One round at the server: differences D_k = w_k - w of the clients, weighted and summed, move w.
///
/// A strategy that needs sums alone states a factor for each difference; the engine sums factor * D_k
/// (in any order, on any number of workers, bit for bit the same: fixed_point.h) and calls `apply`.
/// One that needs every difference (robust ones) overrides `combine`.
class ServerStrategy {
 public:
  explicit ServerStrategy(const StrategyOptions& options) : options_(options) {}
  virtual ~ServerStrategy() = default;
  /// Factor of this client's difference in the sum, given the reports of the whole round.
  virtual double factor(const ClientReport& report, std::span<const ClientReport> round) const {
    (void)round;
    return report.weight;
  }
  /// Moves w, and counts the round. Shapes: w, sum [P].
  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round);
  /// True if factors are proportional to the reports' weights, so that a dropped client's share can be
  /// given to the others.
  virtual bool is_weighted() const { return true; }
  /// True if updates come one by one in time, each to the server's model of then: no rounds.
  virtual bool is_asynchronous() const { return false; }
  /// True if differences must be to the server's model of now, not to the one that the client got.
  virtual bool mixes_models() const { return false; }
  /// Of asynchronous strategies: updates of one server step.
  virtual std::int64_t buffer() const { return 1; }
  /// Fewest updates that make a step; with fewer the round changes nothing.
  virtual std::int64_t least_updates() const { return 1; }
  /// True if the strategy must see single differences: no secure aggregation is possible then.
  virtual bool needs_each() const { return false; }
  /// For `needs_each`: the aggregate that `apply` gets, from all differences [S][P].
  virtual std::vector<double> combine(std::span<const std::span<const float>> differences,
                                      std::span<const ClientReport> round) const;

  /// What a checkpoint must keep: vectors as long as w by name, and the number of rounds.
  struct State {
    std::map<std::string, std::vector<double>> vectors;
    std::int64_t rounds = 0;
  };
  const State& state() const { return state_; }
  void restore(State state) { state_ = std::move(state); }

 protected:
  /// What `apply` does to w; here FedAvg's step, server_learning_rate times the sum.
  virtual void move(std::span<double> w, std::span<const double> sum,
                    std::span<const ClientReport> round);
  /// The vector of that name, made with `initial` at the first use.
  std::vector<double>& vector(const std::string& name, std::size_t size, double initial = 0);
  /// The round that is applied counts already.
  std::int64_t rounds() const { return state_.rounds; }

  const StrategyOptions options_;

 private:
  State state_;
};

/// Registered under kind "strategy".
using MakeStrategy = std::unique_ptr<ServerStrategy> (*)(const StrategyOptions& options);

std::unique_ptr<ServerStrategy> make_strategy(const std::string& name,
                                              const StrategyOptions& options = {});

/// L1 norm of FedNova's accumulation vector of `steps` local steps.
/// Plain SGD: steps; with momentum rho; with a proximal term (eta mu in (0, 1)).
/// Ref: Wang et al. 2020.
double nova_accumulation(double steps, double momentum);
double nova_accumulation_proximal(double steps, double learning_rate_times_mu);

/// g += mu (w - w_t): the gradient of (mu/2) |w - w_t|^2. Shapes: [P].
void add_proximal_gradient(std::span<double> gradient, std::span<const double> w,
                           std::span<const double> w_start, double mu);

/// SCAFFOLD's control variates, on flat vectors. A client's c_i has the sign of its gradient.
/// Ref: Karimireddy et al. 2020.
namespace scaffold {
/// The corrected gradient of a local step: g - c_i + c. In place on `gradient`.
void correct(std::span<double> gradient, std::span<const double> c_client,
             std::span<const double> c_server);
/// Option II: c_i+ = c_i - c + (w_t - y) / (steps * learning_rate).
std::vector<double> new_control(std::span<const double> c_client, std::span<const double> c_server,
                                std::span<const double> w_start, std::span<const double> y,
                                double steps_times_rate);
/// c += (sum over the cohort of (c_i+ - c_i)) / clients.
void move_server_control(std::span<double> c_server, std::span<const double> sum_of_changes,
                         std::int64_t clients);
}  // namespace scaffold

}  // namespace discreet::federated
