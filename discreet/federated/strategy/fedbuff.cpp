#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class FedBuff final : public ServerStrategy {
 public:
  explicit FedBuff(const StrategyOptions& options) : options_(options) {}
  bool is_weighted() const override { return false; }
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    double weight = 1;
    if (options_.staleness == "root") weight = 1 / std::sqrt(1 + report.lag);
    if (options_.staleness == "nvflare") weight = 1 / (1 + std::sqrt(report.lag));
    return weight / static_cast<double>(round.size());
  }

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    (void)round;
    ++state_.rounds;
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += options_.server_learning_rate * sum[i];
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedbuff(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fedbuff",
       .summary = "Asynchronous: a step for every buffer of updates, old ones weighing less",
       .reference = "Nguyen et al. 2022",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedBuff(options));
       })});
}

}  // namespace discreet
