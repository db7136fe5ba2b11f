#include <cmath>

#include "discreet/federated/internal/adaptive_strategy.h"
#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedAdam final : public AdaptiveStrategy {
 public:
  using AdaptiveStrategy::AdaptiveStrategy;

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport>) override {
    double rate = options_.server_learning_rate;
    if (options_.bias != "none") {
      const double t = double(rounds()) + (options_.bias == "shifted" ? 1 : 0);
      rate *= std::sqrt(1 - std::pow(options_.beta2, t)) / (1 - std::pow(options_.beta1, t));
    }
    adapt(w, sum, rate, [&](double v, double square) {
      return options_.beta2 * v + (1 - options_.beta2) * square;
    });
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedadam(core::Registry& registry) {
  federated::add_strategy<federated::FedAdam>(registry, "fedadam", "Adam on the aggregate",
                                              "Reddi et al. 2021");
}

}  // namespace discreet
