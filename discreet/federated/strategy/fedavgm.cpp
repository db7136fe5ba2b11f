#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedAvgM final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport>) override {
    auto& v = vector("momentum", w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      v[i] = options_.momentum * v[i] + sum[i];
      w[i] += options_.server_learning_rate * v[i];
    }
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedavgm(core::Registry& registry) {
  federated::add_strategy<federated::FedAvgM>(registry, "fedavgm", "Momentum on the aggregate",
                                              "Hsu, Qi and Brown 2019");
}

}  // namespace discreet
