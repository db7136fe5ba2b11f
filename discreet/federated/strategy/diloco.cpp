#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class DiLoCo final : public ServerStrategy {
 public:
  explicit DiLoCo(const StrategyOptions& options) : options_(options) {}

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    (void)round;
    ++state_.rounds;
    auto& v = vector("momentum", w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      v[i] = options_.momentum * v[i] + sum[i];
      w[i] += options_.server_learning_rate * (options_.momentum * v[i] + sum[i]);
    }
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_diloco(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "diloco",
       .summary = "Nesterov momentum on the aggregate of clients that make many local steps",
       .reference = "Douillard et al. 2023 (DiLoCo)",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::DiLoCo(options));
       })});
}

}  // namespace discreet
