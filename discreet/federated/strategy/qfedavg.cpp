#include <cmath>

#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class QFedAvg final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
  bool is_weighted() const override { return false; }
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    (void)round;
    return options_.lipschitz * std::pow(report.loss, options_.fairness);
  }

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport> round) override {
    const double q = options_.fairness;
    const double l = options_.lipschitz;
    double curvature = 0;
    for (const ClientReport& report : round) {
      const double power = q == 0 ? 0 : q * std::pow(report.loss, q - 1);
      curvature += power * l * l * report.squared_norm + l * std::pow(report.loss, q);
    }
    if (!(curvature > 0)) return;  // every loss is 0
    for (std::size_t i = 0; i < w.size(); ++i) {
      w[i] += options_.server_learning_rate * sum[i] / curvature;
    }
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_qfedavg(core::Registry& registry) {
  federated::add_strategy<federated::QFedAvg>(
      registry, "qfedavg", "Clients with a high loss weigh more, by the power q of their loss",
      "Li et al. 2020 (q-FFL)");
}

}  // namespace discreet
