#include <algorithm>

#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class TrimmedMean final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
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
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_trimmed_mean(core::Registry& registry) {
  federated::add_strategy<federated::TrimmedMean>(
      registry, "trimmed-mean",
      "Mean of the differences without the largest and smallest, coordinate by coordinate",
      "Yin et al. 2018");
}

}  // namespace discreet
