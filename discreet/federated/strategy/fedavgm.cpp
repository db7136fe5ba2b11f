#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class FedAvgM final : public ServerStrategy {
 public:
  explicit FedAvgM(const StrategyOptions& options) : options_(options) {}

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    (void)round;
    ++state_.rounds;
    auto& v = vector("momentum", w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      v[i] = options_.momentum * v[i] + sum[i];
      w[i] += options_.server_learning_rate * v[i];
    }
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedavgm(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fedavgm",
       .summary = "Momentum on the aggregate",
       .reference = "Hsu, Qi and Brown 2019",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedAvgM(options));
       })});
}

}  // namespace discreet
