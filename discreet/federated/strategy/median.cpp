#include <algorithm>

#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

class CoordinateMedian final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
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
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_median(core::Registry& registry) {
  federated::add_strategy<federated::CoordinateMedian>(
      registry, "median", "Median of the differences, coordinate by coordinate", "Yin et al. 2018");
}

}  // namespace discreet
