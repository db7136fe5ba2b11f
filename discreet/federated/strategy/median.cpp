#include <algorithm>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class CoordinateMedian final : public ServerStrategy {
 public:
  explicit CoordinateMedian(const StrategyOptions& options) : options_(options) {}
  bool needs_each() const override { return true; }

  std::vector<double> combine(std::span<const std::span<const float>> differences,
                              std::span<const ClientReport> round) const override {
    (void)round;
    const std::size_t n = differences.size();
    std::vector<double> median(n == 0 ? 0 : differences[0].size());
    std::vector<float> values(n);
    for (std::size_t i = 0; i < median.size(); ++i) {
      for (std::size_t k = 0; k < n; ++k) values[k] = differences[k][i];
      std::sort(values.begin(), values.end());
      median[i] = n % 2 == 1 ? values[n / 2] : 0.5 * (double(values[n / 2 - 1]) + values[n / 2]);
    }
    return median;
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

void register_strategy_median(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "median",
       .summary = "Median of the differences, coordinate by coordinate",
       .reference = "Yin et al. 2018",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::CoordinateMedian(options));
       })});
}

}  // namespace discreet
