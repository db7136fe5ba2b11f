#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

/// FedAvg on the parameters that are shared; those named by federated.personal stay on each client.
class Partial final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_partial(core::Registry& registry) {
  federated::add_strategy<federated::Partial>(
      registry, "partial", "FedAvg on a part of the model; the rest (a head) stays on each client",
      "Arivazhagan et al. 2019 (FedPer); Pillutla et al. 2022");
}

}  // namespace discreet
