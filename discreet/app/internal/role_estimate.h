#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace discreet::app {

/// A model's values over seeds: [seed][item].
using SeedValues = std::vector<std::vector<double>>;

struct RoleEstimate {
  double value = 0, low = 0, high = 0;
  std::size_t seeds = 0, items = 0;
};

/// Mean of `a`, or of a - b paired by seed and item; 95 % by resampling seeds and items. `group` [items]: items are
/// resampled inside their group; empty: all are one group. Absent without values, or where a and b differ in seeds.
std::optional<RoleEstimate> role_estimate(const SeedValues& a, const SeedValues* b = nullptr, const std::vector<std::size_t>& group = {});

/// "0.94 [0.81, 1.05]", or "not measured".
std::string shown_estimate(const std::optional<RoleEstimate>& estimate, int digits = 2);

}  // namespace discreet::app
