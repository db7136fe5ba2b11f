#include <cmath>

#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

/// Differences must be to the server's model of now: w + a (w_k - w) = (1 - a) w + a w_k.
class FedAsync final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
  bool is_weighted() const override { return false; }
  bool is_asynchronous() const override { return true; }
  bool mixes_models() const override { return true; }
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    (void)round;
    return options_.mixing * std::pow(1 + report.lag, -options_.mixing_decay);
  }

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport>) override {
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += sum[i];
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedasync(core::Registry& registry) {
  federated::add_strategy<federated::FedAsync>(
      registry, "fedasync", "Asynchronous: each arriving model is mixed in, old ones less",
      "Xie, Koyejo and Gupta 2019");
}

}  // namespace discreet
