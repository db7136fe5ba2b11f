#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

/// N^2 distances are made in every round.
constexpr std::size_t kMostDevices = 5000;

double gradient_distance(const SelectionInput& input, std::size_t a, std::size_t b) {
  const auto d = static_cast<std::size_t>(input.gradient_size);
  double sum = 0;
  for (std::size_t i = 0; i < d; ++i) {
    const double difference = double(input.gradients[a * d + i]) - input.gradients[b * d + i];
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

/// Devices whose gradient nobody has seen, `most` of them at random.
std::vector<std::int64_t> draw_unseen(const std::vector<std::int64_t>& unseen, std::int64_t most,
                                      core::ReproducibleRng& rng) {
  std::vector<std::int64_t> drawn = unseen;
  core::shuffle(std::span<std::int64_t>(drawn), rng);
  drawn.resize(std::min(drawn.size(), static_cast<std::size_t>(most)));
  return drawn;
}

/// Greedily takes the device that lowers the sum over all of the distance to the nearest taken most.
/// With gradients of earlier rounds, half of the cohort are devices that were never seen, while there
/// are any; all of it in the first round.
std::vector<std::int64_t> choose_diverse(const SelectionInput& input,
                                       const SelectionOptions& options,
                                       core::ReproducibleRng& rng, SelectionCost& cost) {
  const std::size_t all = input.activity.size();
  const auto d = static_cast<std::size_t>(input.gradient_size);
  if (input.gradients.size() != all * d || all == 0) {
    throw usage_error("selection divfl needs a gradient of every device");
  }
  if (all > kMostDevices) {
    throw usage_error(fmt::format("selection divfl compares all devices with each other: {} are too many",
                                  all),
                      fmt::format("It takes up to {}; select by size.", kMostDevices));
  }
  std::vector<std::int64_t> seen, unseen;
  for (std::size_t k = 0; k < all; ++k) {
    if (input.activity[k] <= 0) continue;
    (std::isnan(input.gradients[k * d]) ? unseen : seen).push_back(static_cast<std::int64_t>(k));
  }
  const std::int64_t known = static_cast<std::int64_t>(seen.size());
  const std::int64_t explored = std::max(options.cohort - known, (options.cohort + 1) / 2);
  std::vector<std::int64_t> cohort = draw_unseen(unseen, unseen.empty() ? 0 : explored, rng);
  const std::size_t n = seen.size();
  std::vector<double> distance(n * n, 0.0);
  double farthest = 0;
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = a + 1; b < n; ++b) {
      distance[a * n + b] = distance[b * n + a] = gradient_distance(
          input, static_cast<std::size_t>(seen[a]), static_cast<std::size_t>(seen[b]));
      farthest = std::max(farthest, distance[a * n + b]);
    }
  }
  std::vector<double> nearest(n, 2 * farthest + 1);
  std::vector<char> taken(n, 0);
  while (static_cast<std::int64_t>(cohort.size()) < options.cohort) {
    std::size_t best = n;
    double most = -1;
    for (std::size_t c = 0; c < n; ++c) {
      if (taken[c]) continue;
      double gain = 0;
      for (std::size_t i = 0; i < n; ++i) {
        gain += std::max(0.0, nearest[i] - distance[i * n + c]);
      }
      if (gain > most) {
        most = gain;
        best = c;
      }
    }
    if (best == n) break;
    taken[best] = 1;
    cohort.push_back(seen[best]);
    for (std::size_t i = 0; i < n; ++i) nearest[i] = std::min(nearest[i], distance[i * n + best]);
  }
  cost = cost_of_signals(input, options, cohort, input.gradient_size);
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
