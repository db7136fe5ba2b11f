#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class FedAvg final : public ServerStrategy {
 public:
  explicit FedAvg(const StrategyOptions& options) : options_(options) {}

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

void register_strategy_fedavg(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fedavg",
       .summary = "Weighted mean of the clients' differences",
       .reference = "McMahan et al. 2017",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedAvg(options));
       })});
}

}  // namespace discreet
