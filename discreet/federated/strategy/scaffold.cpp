#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

/// The server's step along the mean difference; control variates: namespace scaffold.
class Scaffold final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_scaffold(core::Registry& registry) {
  federated::add_strategy<federated::Scaffold>(
      registry, "scaffold",
      "Control variates take out what single clients pull aside; plain SGD on clients",
      "Karimireddy et al. 2020");
}

}  // namespace discreet
