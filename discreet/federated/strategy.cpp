#include "discreet/federated/strategy.h"

#include <cmath>

#include "discreet/core/registry.h"

namespace discreet::federated {

const core::Fields<StrategyOptions>& strategy_fields() {
  static const auto fields =
      core::Fields<StrategyOptions>("strategy")
          .add("server_learning_rate", &StrategyOptions::server_learning_rate,
               {.min = 0, .above_min = true, .doc = "Step of the server along the aggregate; fedexp and fedasync find their own."})
          .add("momentum", &StrategyOptions::momentum,
               {.min = 0, .max = 1, .below_max = true, .doc = "fedavgm, diloco: of the server."})
          .add("beta1", &StrategyOptions::beta1,
               {.min = 0, .max = 1, .below_max = true, .doc = "fedadam, fedyogi, fedadagrad: of the mean; published 0 for fedadagrad."})
          .add("beta2", &StrategyOptions::beta2,
               {.min = 0, .max = 1, .below_max = true, .doc = "fedadam, fedyogi: of the second moment."})
          .add("tau", &StrategyOptions::tau,
               {.min = 0, .above_min = true,
                .doc = "Adaptive strategies: added to the root of the second moment; fedexp: added to the squared norm of the mean."})
          .add("initial_v", &StrategyOptions::initial_v,
               {.choices = {"tau2", "zero"}, .doc = "Adaptive strategies: the second moment before the first round."})
          .add("bias", &StrategyOptions::bias,
               {.choices = {"none", "textbook", "shifted"}, .doc = "fedadam: correction for the moments' start; shifted counts one round more."})
          .add("fairness", &StrategyOptions::fairness,
               {.min = 0, .doc = "qfedavg: q; larger values favour clients with a high loss."})
          .add("lipschitz", &StrategyOptions::lipschitz,
               {.min = 0, .above_min = true, .doc = "qfedavg: 1 / local learning rate."})
          .add("trim", &StrategyOptions::trim,
               {.min = 0, .max = 0.5, .below_max = true, .doc = "trimmed-mean: share of clients cut off at each end."})
          .add("hostile", &StrategyOptions::hostile,
               {.min = 0, .max = 1e6, .doc = "krum: clients of a round that may be hostile, f; it needs 2 f + 3 updates."})
          .add("keep", &StrategyOptions::keep,
               {.min = 1, .max = 1e6, .doc = "krum: updates that are averaged; 1 is Krum, more Multi-Krum."})
          .add("buffer", &StrategyOptions::buffer,
               {.min = 1, .max = 1e6, .doc = "fedbuff: updates of one server step."})
          .add("staleness", &StrategyOptions::staleness,
               {.choices = {"root", "nvflare", "none"}, .doc = "fedbuff: weight of an update of lag s: 1/sqrt(1+s), 1/(1+sqrt(s)), 1."})
          .add("mixing", &StrategyOptions::mixing,
               {.min = 0, .max = 1, .doc = "fedasync: weight of a fresh client's model."})
          .add("mixing_decay", &StrategyOptions::mixing_decay,
               {.min = 0, .doc = "fedasync: weights fall with (1 + lag) to this power."})
          .add("proximal", &StrategyOptions::proximal,
               {.min = 0, .doc = "fedprox: mu of (mu/2)|w - w_t|^2 in the clients' loss."})
          .add("personal_pull", &StrategyOptions::personal_pull,
               {.min = 0, .doc = "ditto: lambda of (lambda/2)|v - w_t|^2 in the loss of a client's own model v."});
  return fields;
}

std::vector<double> ServerStrategy::combine(std::span<const std::span<const float>>,
                                            std::span<const ClientReport>) const {
  throw internal_error("this strategy does not see single differences");
}

void ServerStrategy::apply(std::span<double> w, std::span<const double> sum,
                           std::span<const ClientReport> round) {
  ++state_.rounds;
  move(w, sum, round);
}

void ServerStrategy::move(std::span<double> w, std::span<const double> sum,
                          std::span<const ClientReport>) {
  for (std::size_t i = 0; i < w.size(); ++i) w[i] += options_.server_learning_rate * sum[i];
}

std::vector<double>& ServerStrategy::vector(const std::string& name, std::size_t size,
                                            double initial) {
  auto [place, fresh] = state_.vectors.try_emplace(name);
  if (fresh) place->second.assign(size, initial);
  if (place->second.size() != size) throw internal_error("state of another model's size");
  return place->second;
}

std::unique_ptr<ServerStrategy> make_strategy(const std::string& name,
                                              const StrategyOptions& options) {
  return core::registry().make<MakeStrategy>("strategy", name)(options);
}

double nova_accumulation(double steps, double momentum) {
  if (momentum == 0) return steps;
  const double rho = momentum;
  return (steps - rho * (1 - std::pow(rho, steps)) / (1 - rho)) / (1 - rho);
}

double nova_accumulation_proximal(double steps, double x) {
  return x == 0 ? steps : (1 - std::pow(1 - x, steps)) / x;
}

void add_proximal_gradient(std::span<double> gradient, std::span<const double> w,
                           std::span<const double> w_start, double mu) {
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += mu * (w[i] - w_start[i]);
}

namespace scaffold {

void correct(std::span<double> gradient, std::span<const double> c_client,
             std::span<const double> c_server) {
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] += c_server[i] - c_client[i];
}

std::vector<double> new_control(std::span<const double> c_client, std::span<const double> c_server,
                                std::span<const double> w_start, std::span<const double> y,
                                double steps_times_rate) {
  std::vector<double> control(w_start.size());
  for (std::size_t i = 0; i < control.size(); ++i) {
    control[i] = c_client[i] - c_server[i] + (w_start[i] - y[i]) / steps_times_rate;
  }
  return control;
}

void move_server_control(std::span<double> c_server, std::span<const double> sum_of_changes,
                         std::int64_t clients) {
  for (std::size_t i = 0; i < c_server.size(); ++i) {
    c_server[i] += sum_of_changes[i] / static_cast<double>(clients);
  }
}

}  // namespace scaffold
}  // namespace discreet::federated
