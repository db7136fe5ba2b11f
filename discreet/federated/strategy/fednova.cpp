#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedNova final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    (void)round;
    if (!(report.accumulation > 0)) throw usage_error("fednova needs clients that made a step");
    return report.weight / report.accumulation;
  }

 protected:
  void move(std::span<double> w, std::span<const double> sum,
            std::span<const ClientReport> round) override {
    double effective_steps = 0;
    for (const ClientReport& report : round) effective_steps += report.weight * report.accumulation;
    const double rate = options_.server_learning_rate * effective_steps;
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += rate * sum[i];
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fednova(core::Registry& registry) {
  federated::add_strategy<federated::FedNova>(
      registry, "fednova",
      "Differences per local step, so that clients with more steps do not pull the target",
      "Wang et al. 2020");
}

}  // namespace discreet
