#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

/// The server's half is FedAvg; the quadratic term is in the clients' loss (options: proximal).
class FedProx final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedprox(core::Registry& registry) {
  federated::add_strategy<federated::FedProx>(
      registry, "fedprox",
      "FedAvg whose clients are held near the server's model by a quadratic term",
      "Li et al. 2020");
}

}  // namespace discreet
