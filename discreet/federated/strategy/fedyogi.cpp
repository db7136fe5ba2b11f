#include "discreet/federated/internal/adaptive_strategy.h"
#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedYogi final : public AdaptiveStrategy {
 public:
  using AdaptiveStrategy::AdaptiveStrategy;

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport>) override {
    adapt(w, sum, options_.server_learning_rate, [&](double v, double square) {
      const double above = v - square;  // by v from before the update
      return v - (1 - options_.beta2) * square * double((above > 0) - (above < 0));
    });
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedyogi(core::Registry& registry) {
  federated::add_strategy<federated::FedYogi>(
      registry, "fedyogi",
      "Yogi on the aggregate: the second moment moves by steps of bounded size",
      "Reddi et al. 2021");
}

}  // namespace discreet
