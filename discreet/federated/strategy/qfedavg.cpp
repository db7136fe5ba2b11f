#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class QFedAvg final : public ServerStrategy {
 public:
  explicit QFedAvg(const StrategyOptions& options) : options_(options) {}
  bool is_weighted() const override { return false; }
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    (void)round;
    return options_.lipschitz * std::pow(report.loss, options_.fairness);
  }

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    ++state_.rounds;
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

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_qfedavg(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "qfedavg",
       .summary = "Clients with a high loss weigh more, by the power q of their loss",
       .reference = "Li et al. 2020 (q-FFL)",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::QFedAvg(options));
       })});
}

}  // namespace discreet
