#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

/// The server's half is FedAvg; each client also trains a model of its own, held near the server's by a
/// quadratic term (options: personal_pull), which never leaves it.
class Ditto final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_ditto(core::Registry& registry) {
  federated::add_strategy<federated::Ditto>(
      registry, "ditto", "FedAvg, and for each client a model of its own near the server's",
      "Li, Hu, Beirami and Smith 2021");
}

}  // namespace discreet
