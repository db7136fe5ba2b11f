#pragma once

#include <optional>
#include <string>
#include <vector>

namespace discreet::app::internal {

/// A symmetric matrix of numbers from -1 to 1 as an SVG of its own, with the figure in every cell; absent ones are crossed
/// out. Blue is below 0, orange above, so that both read without colour by the figures' signs.
/// Shapes: `values` [n * n], row by row, n = names.size().
std::string heat_map(const std::vector<std::string>& names, const std::vector<std::optional<double>>& values, const std::string& title);

}  // namespace discreet::app::internal
