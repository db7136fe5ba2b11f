#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

/// The server's step along the mean difference; control variates: namespace scaffold.
class Scaffold final : public ServerStrategy {
 public:
  explicit Scaffold(const StrategyOptions& options) : options_(options) {}

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

void register_strategy_scaffold(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "scaffold",
       .summary = "Control variates take out what single clients pull aside; plain SGD on clients",
       .reference = "Karimireddy et al. 2020",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::Scaffold(options));
       })});
}

}  // namespace discreet
