#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class DiLoCo final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport>) override {
    auto& v = vector("momentum", w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      v[i] = options_.momentum * v[i] + sum[i];
      w[i] += options_.server_learning_rate * (options_.momentum * v[i] + sum[i]);
    }
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_diloco(core::Registry& registry) {
  federated::add_strategy<federated::DiLoCo>(
      registry, "diloco",
      "Nesterov momentum on the aggregate of clients that make many local steps",
      "Douillard et al. 2023 (DiLoCo)");
}

}  // namespace discreet
