#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedAvg final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedavg(core::Registry& registry) {
  federated::add_strategy<federated::FedAvg>(
      registry, "fedavg", "Weighted mean of the clients' differences", "McMahan et al. 2017");
}

}  // namespace discreet
