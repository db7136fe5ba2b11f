#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

/// The server's half is FedAvg; the quadratic term is in the clients' loss (options: proximal).
class FedProx final : public ServerStrategy {
 public:
  explicit FedProx(const StrategyOptions& options) : options_(options) {}

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    (void)round;
    ++state_.rounds;
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += options_.server_learning_rate * sum[i];
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedprox(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fedprox",
       .summary = "FedAvg whose clients are held near the server's model by a quadratic term",
       .reference = "Li et al. 2020",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedProx(options));
       })});
}

}  // namespace discreet
