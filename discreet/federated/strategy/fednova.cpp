#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class FedNova final : public ServerStrategy {
 public:
  explicit FedNova(const StrategyOptions& options) : options_(options) {}
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    (void)round;
    if (!(report.accumulation > 0)) throw usage_error("fednova needs clients that made a step");
    return report.weight / report.accumulation;
  }

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    ++state_.rounds;
    double effective_steps = 0;
    for (const ClientReport& report : round) effective_steps += report.weight * report.accumulation;
    const double rate = options_.server_learning_rate * effective_steps;
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += rate * sum[i];
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fednova(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fednova",
       .summary = "Differences per local step, so that clients with more steps do not pull the target",
       .reference = "Wang et al. 2020",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedNova(options));
       })});
}

}  // namespace discreet
