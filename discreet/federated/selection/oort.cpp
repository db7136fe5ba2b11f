#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "discreet/core/registry.h"
#include "discreet/federated/selection.h"

namespace discreet::federated {
namespace {

/// n sqrt(mean loss^2), times (preferred / seconds)^penalty for devices slower than preferred.
double oort_utility(const SelectionInput& input, const SelectionOptions& options, std::size_t k) {
  double utility = input.activity[k] * input.root_mean_square_loss[k];
  if (options.preferred_seconds > 0 && !input.seconds.empty() &&
      input.seconds[k] > options.preferred_seconds) {
    utility *= std::pow(options.preferred_seconds / input.seconds[k], options.slowness_penalty);
  }
  return utility;
}

std::vector<std::int64_t> choose_by_utility(const SelectionInput& input,
                                       const SelectionOptions& options,
                                       core::ReproducibleRng& rng, SelectionCost& cost) {
  const std::size_t n = input.activity.size();
  if (input.root_mean_square_loss.size() != n) {
    throw usage_error("selection oort needs the losses of the devices selected before");
  }
  std::vector<double> utility(n, 0.0), fresh(n, 0.0);
  for (std::size_t k = 0; k < n; ++k) {
    if (input.activity[k] <= 0) continue;
    if (std::isnan(input.root_mean_square_loss[k])) {
      fresh[k] = 1;
    } else {
      utility[k] = oort_utility(input, options, k);
    }
  }
  const auto count = [](const std::vector<double>& weights) {
    return static_cast<std::int64_t>(
        std::count_if(weights.begin(), weights.end(), [](double w) { return w > 0; }));
  };
  const double share =
      std::max(options.least_exploration,
               options.exploration * std::pow(options.exploration_decay, double(input.round - 1)));
  std::int64_t explore = std::min<std::int64_t>(
      count(fresh), std::llround(share * static_cast<double>(options.cohort)));
  const std::int64_t exploit = std::min(count(utility), options.cohort - explore);
  explore = std::min(count(fresh), options.cohort - exploit);
  const Uniform uniform = [&rng] { return rng.uniform(); };
  if (exploit > 0) {  // near the best alone: within 95 % of the last one that would be taken
    std::vector<double> sorted = utility;
    std::nth_element(sorted.begin(), sorted.begin() + (exploit - 1), sorted.end(), std::greater<>());
    const double bar = 0.95 * sorted[static_cast<std::size_t>(exploit - 1)];
    for (double& value : utility) value = value >= bar ? value : 0;
  }
  auto cohort = draw_successive(utility, exploit, uniform);
  const auto explored = draw_successive(fresh, explore, uniform);
  cohort.insert(cohort.end(), explored.begin(), explored.end());
  cost.numbers_up = static_cast<double>(cohort.size());
  return cohort;
}

}  // namespace
}  // namespace discreet::federated

namespace discreet {

void register_selection_oort(core::Registry& registry) {
  registry.add({.kind = "selection",
                .name = "oort",
                .summary = "By size and loss, slow devices discounted, a part of the cohort explores",
                .reference = "Lai et al. 2021 (Oort)",
                .fields = federated::selection_fields().info(),
                .make = federated::SelectionRule{.choose = federated::choose_by_utility, .reads_models = true}});
}

}  // namespace discreet
