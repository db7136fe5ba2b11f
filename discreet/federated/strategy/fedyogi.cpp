#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class FedYogi final : public ServerStrategy {
 public:
  explicit FedYogi(const StrategyOptions& options) : options_(options) {}

  void apply(std::span<double> w, std::span<const double> sum,
             std::span<const ClientReport> round) override {
    (void)round;
    ++state_.rounds;
    auto& m = vector("mean", w.size());
    const double start = options_.initial_v == "tau2" ? options_.tau * options_.tau : 0;
    auto& v = vector("second_moment", w.size(), start);
    double rate = options_.server_learning_rate;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double square = sum[i] * sum[i];
      m[i] = options_.beta1 * m[i] + (1 - options_.beta1) * sum[i];
      const double above = v[i] - square;  // by v from before the update
      v[i] -= (1 - options_.beta2) * square * double((above > 0) - (above < 0));
      w[i] += rate * m[i] / (std::sqrt(v[i]) + options_.tau);
    }
  }

 private:
  StrategyOptions options_;
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_fedyogi(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "fedyogi",
       .summary = "Yogi on the aggregate: the second moment moves by steps of bounded size",
       .reference = "Reddi et al. 2021",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::FedYogi(options));
       })});
}

}  // namespace discreet
