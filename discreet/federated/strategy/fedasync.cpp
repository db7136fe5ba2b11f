#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

/// Differences must be to the server's model of now: w + a (w_k - w) = (1 - a) w + a w_k.
class FedAsync final : public ServerStrategy {
 public:
  explicit FedAsync(const StrategyOptions& options) : options_(options) {}
  bool is_weighted() const override { return false; }
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    (void)round;
    return options_.mixing * std::pow(1 + report.lag, -options_.mixing_decay);
  }

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    (void)round;
    ++state_.rounds;
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += sum[i];
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedasync(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fedasync",
       .summary = "Asynchronous: each arriving model is mixed in, old ones less",
       .reference = "Xie, Koyejo and Gupta 2019",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedAsync(options));
       })});
}

}  // namespace discreet
