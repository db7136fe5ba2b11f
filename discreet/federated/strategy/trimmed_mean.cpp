#include <algorithm>

#include "discreet/core/registry.h"
#include "discreet/federated/strategy.h"

namespace discreet::federated {
namespace {

class TrimmedMean final : public ServerStrategy {
 public:
  explicit TrimmedMean(const StrategyOptions& options) : options_(options) {}
  bool needs_each() const override { return true; }

  std::vector<double> combine(std::span<const std::span<const float>> differences,
                              std::span<const ClientReport> round) const override {
    (void)round;
    const std::size_t n = differences.size();
    const auto cut = static_cast<std::size_t>(options_.trim * double(n));
    std::vector<double> mean(n == 0 ? 0 : differences[0].size());
    std::vector<float> values(n);
    for (std::size_t i = 0; i < mean.size(); ++i) {
      for (std::size_t k = 0; k < n; ++k) values[k] = differences[k][i];
      std::sort(values.begin(), values.end());
      for (std::size_t k = cut; k < n - cut; ++k) mean[i] += values[k];
      mean[i] /= static_cast<double>(n - 2 * cut);
    }
    return mean;
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

void register_strategy_trimmed_mean(core::Registry& registry) {
  registry.add(
      {.kind = "strategy",
       .name = "trimmed-mean",
       .summary = "Mean of the differences without the largest and smallest, coordinate by coordinate",
       .reference = "Yin et al. 2018",
       .fields = federated::strategy_fields().info(),
       .make = federated::MakeStrategy([](const federated::StrategyOptions& options) {
         return std::unique_ptr<federated::ServerStrategy>(new federated::TrimmedMean(options));
       })});
}

}  // namespace discreet
