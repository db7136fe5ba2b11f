#include <algorithm>

#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedExP final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport> round) override {
    double squares = 0, norm = 0;
    for (const ClientReport& report : round) squares += report.squared_norm;
    for (const double part : sum) norm += part * part;
    const double clients = static_cast<double>(round.size());
    const double rate = std::max(1.0, squares / (2 * clients * (norm + options_.tau)));
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += rate * sum[i];
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedexp(core::Registry& registry) {
  federated::add_strategy<federated::FedExP>(
      registry, "fedexp", "A server step as long as the clients' disagreement allows",
      "Jhunjhunwala, Wang and Joshi 2023");
}

}  // namespace discreet
