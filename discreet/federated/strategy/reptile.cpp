#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

/// w += rate * (w_k - w), the mean over the round: a start from which a client's few steps go far. The
/// same step as FedAvg's with all clients alike; the server's rate below 1 is what makes it Reptile.
class Reptile final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
  bool is_weighted() const override { return false; }
  double factor(const ClientReport&, std::span<const ClientReport> round) const override {
    return 1 / static_cast<double>(round.size());
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_reptile(core::Registry& registry) {
  federated::add_strategy<federated::Reptile>(
      registry, "reptile", "The mean of the clients' differences, all alike: a start to learn on from",
      "Nichol, Achiam and Schulman 2018");
}

}  // namespace discreet
