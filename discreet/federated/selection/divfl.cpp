#include <algorithm>
#include <cmath>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

double gradient_distance(const SelectionInput& input, std::size_t a, std::size_t b) {
  const auto d = static_cast<std::size_t>(input.gradient_size);
  double sum = 0;
  for (std::size_t i = 0; i < d; ++i) {
    const double difference = double(input.gradients[a * d + i]) - input.gradients[b * d + i];
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

/// Greedily takes the device that lowers the sum over all of the distance to the nearest taken most.
std::vector<std::int64_t> choose_diverse(const SelectionInput& input,
                                       const SelectionOptions& options,
                                       core::ReproducibleRng& rng, SelectionCost& cost) {
  (void)rng;
  const std::size_t n = input.activity.size();
  if (input.gradients.size() != n * static_cast<std::size_t>(input.gradient_size) || n == 0) {
    throw usage_error("selection divfl needs a gradient of every device");
  }
  cost.models_down = static_cast<double>(n);
  cost.numbers_up = static_cast<double>(n) * static_cast<double>(input.gradient_size);
  for (const double examples : input.activity) cost.gradients += examples;
  std::vector<double> distance(n * n, 0.0);
  double farthest = 0;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = a + 1; b < n; ++b) {
      distance[a * n + b] = distance[b * n + a] = gradient_distance(input, a, b);
      farthest = std::max(farthest, distance[a * n + b]);
    }
  }
  std::vector<double> nearest(n, 2 * farthest + 1);
  std::vector<char> taken(n, 0);
  std::vector<std::int64_t> cohort;
  while (static_cast<std::int64_t>(cohort.size()) < options.cohort) {
    std::size_t best = n;
    double most = -1;
    for (std::size_t c = 0; c < n; ++c) {
      if (taken[c] || input.activity[c] <= 0) continue;
      double gain = 0;
      for (std::size_t i = 0; i < n; ++i) {
        if (input.activity[i] > 0) gain += std::max(0.0, nearest[i] - distance[i * n + c]);
      }
      if (gain > most) {
        most = gain;
        best = c;
      }
    }
    if (best == n) break;
    taken[best] = 1;
    cohort.push_back(static_cast<std::int64_t>(best));
    for (std::size_t i = 0; i < n; ++i) nearest[i] = std::min(nearest[i], distance[i * n + best]);
  }
  return cohort;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_divfl(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "divfl",
                .summary = "The cohort whose gradients stand best for those of all devices (facility location)",
                .reference = "Balakrishnan et al. 2022 (DivFL)",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.choose = federated::choose_diverse, .reads_models = true}});
}

}  // namespace discreet
