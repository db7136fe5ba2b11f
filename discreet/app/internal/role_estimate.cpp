#include "discreet/app/internal/role_estimate.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "discreet/core/random.h"
#include "discreet/stats/bootstrap.h"

namespace discreet::app {

std::optional<RoleEstimate> role_estimate(const SeedValues& a, const SeedValues* b, const std::vector<std::size_t>& group) {
  if (a.empty() || a.front().empty() || (b != nullptr && b->size() != a.size())) return std::nullopt;
  const std::size_t seeds = a.size(), items = a.front().size();
  std::map<std::size_t, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < items; ++i) members[group.empty() ? 0 : group.at(i)].push_back(i);
  const auto mean = [&](const std::vector<std::size_t>& chosen_seeds, const std::vector<std::size_t>& chosen_items) {
    double sum = 0;
    for (const std::size_t s : chosen_seeds) {
      for (const std::size_t i : chosen_items) sum += a[s].at(i) - (b != nullptr ? (*b)[s].at(i) : 0);
    }
    return sum / static_cast<double>(chosen_seeds.size() * chosen_items.size());
  };
  std::vector<std::size_t> chosen_seeds(seeds), chosen_items(items);
  std::iota(chosen_seeds.begin(), chosen_seeds.end(), 0);
  std::iota(chosen_items.begin(), chosen_items.end(), 0);
  RoleEstimate estimate{.value = mean(chosen_seeds, chosen_items), .seeds = seeds, .items = items};
  core::ReproducibleRng rng(1, "role-reversal");
  std::vector<double> means;
  for (int k = 0; k < 2000; ++k) {
    for (std::size_t& s : chosen_seeds) s = rng.below(seeds);
    std::size_t next = 0;
    for (const auto& [name, of_group] : members) {
      for (std::size_t i = 0; i < of_group.size(); ++i) chosen_items[next++] = of_group[rng.below(of_group.size())];
    }
    means.push_back(mean(chosen_seeds, chosen_items));
  }
  std::ranges::sort(means);
  estimate.low = stats::sorted_quantile(means, .025);
  estimate.high = stats::sorted_quantile(means, .975);
  return estimate;
}

std::string shown_estimate(const std::optional<RoleEstimate>& estimate, int digits) {
  if (!estimate) return "not measured";
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", estimate->value, digits, estimate->low, digits, estimate->high, digits);
}

}  // namespace discreet::app
