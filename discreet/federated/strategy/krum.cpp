#include <fmt/format.h>
#include <algorithm>
#include <numeric>

#include "discreet/federated/internal/strategy_entry.h"

namespace discreet::federated {
namespace {

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = double(a[i]) - b[i];
    sum += difference * difference;
  }
  return sum;
}

class Krum final : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;
  bool needs_each() const override { return true; }
  /// With fewer, hostile updates may be the nearest neighbours of each other (Blanchard et al. 2017: 2 f + 2 < n).
  std::int64_t least_updates() const override { return 2 * options_.hostile + 3; }

  std::vector<double> combine(std::span<const std::span<const float>> differences,
                              std::span<const ClientReport> round) const override {
    (void)round;
    const std::size_t n = differences.size();
    const auto hostile = static_cast<std::size_t>(options_.hostile);
    if (n < 2 * hostile + 3) {
      throw usage_error(fmt::format("krum: {} updates, {} of which may be hostile", n, hostile),
                        fmt::format("It needs {} updates, two for each hostile one and three more.", 2 * hostile + 3));
    }
    std::vector<double> score(n, 0.0);
    for (std::size_t a = 0; a < n; ++a) {
      std::vector<double> distances;
      for (std::size_t b = 0; b < n; ++b) {
        if (b != a) distances.push_back(squared_distance(differences[a], differences[b]));
      }
      std::sort(distances.begin(), distances.end());
      for (std::size_t i = 0; i < n - hostile - 2; ++i) score[a] += distances[i];
    }
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return score[a] < score[b]; });
    const std::size_t keep = std::min(n - hostile - 2, static_cast<std::size_t>(options_.keep));
    std::vector<double> mean(differences[0].size(), 0.0);
    for (std::size_t k = 0; k < keep; ++k) {
      for (std::size_t i = 0; i < mean.size(); ++i) {
        mean[i] += double(differences[order[k]][i]) / double(keep);
      }
    }
    return mean;
  }
};

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_strategy_krum(core::Registry& registry) {
  federated::add_strategy<federated::Krum>(
      registry, "krum", "The difference nearest to its neighbours, or the mean of several such",
      "Blanchard et al. 2017");
}

}  // namespace discreet
