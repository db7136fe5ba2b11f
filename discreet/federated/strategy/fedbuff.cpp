#include <cmath>

#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class FedBuff final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
  bool is_weighted() const override { return false; }
  bool is_asynchronous() const override { return true; }
  std::int64_t buffer() const override { return options_.buffer; }
  double factor(const ClientReport& report, std::span<const ClientReport> round) const override {
    double weight = 1;
    if (options_.staleness == "root") weight = 1 / std::sqrt(1 + report.lag);
    if (options_.staleness == "nvflare") weight = 1 / (1 + std::sqrt(report.lag));
    return weight / static_cast<double>(round.size());
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedbuff(core::Registry& registry) {
  federated::add_strategy<federated::FedBuff>(
      registry, "fedbuff",
      "Asynchronous: a step for every buffer of updates, old ones weighing less",
      "Nguyen et al. 2022");
}

}  // namespace discreet
