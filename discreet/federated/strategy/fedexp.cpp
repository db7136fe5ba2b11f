#include <algorithm>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class FedExP final : public ServerStrategy {
 public:
  explicit FedExP(const StrategyOptions& options) : options_(options) {}

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    ++state_.rounds;
    double squares = 0, norm = 0;
    for (const ClientReport& report : round) squares += report.squared_norm;
    for (const double part : sum) norm += part * part;
    const double clients = static_cast<double>(round.size());
    const double rate = std::max(1.0, squares / (2 * clients * (norm + options_.tau)));
    for (std::size_t i = 0; i < w.size(); ++i) w[i] += rate * sum[i];
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedexp(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fedexp",
       .summary = "A server step as long as the clients' disagreement allows",
       .reference = "Jhunjhunwala, Wang and Joshi 2023",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedExP(options));
       })});
}

}  // namespace discreet
