#include "discreet/federated/internal/adaptive_strategy.h"
#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedAdagrad final : public AdaptiveStrategy {
 public:
  using AdaptiveStrategy::AdaptiveStrategy;

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport>) override {
    adapt(w, sum, options_.server_learning_rate,
          [](double v, double square) { return v + square; });
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedadagrad(core::Registry& registry) {
  federated::add_strategy<federated::FedAdagrad>(registry, "fedadagrad", "Adagrad on the aggregate",
                                                 "Reddi et al. 2021");
}

}  // namespace discreet
