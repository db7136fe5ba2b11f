#include "discreet/stats/corrections.h"

#include <algorithm>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

/// Places of the p-values, smallest first.
std::vector<std::size_t> ascending_places(std::span<const double> p_values) {
  for (const double p : p_values) {
    if (!(p >= 0 && p <= 1)) throw internal_error("a p-value outside 0 to 1");
  }
  std::vector<std::size_t> places(p_values.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::stable_sort(places.begin(), places.end(),
                   [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  return places;
}

}  // namespace

std::vector<double> holm(std::span<const double> p_values) {
  const std::vector<std::size_t> places = ascending_places(p_values);
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    largest = std::max(largest, static_cast<double>(places.size() - i) * p_values[places[i]]);
    adjusted[places[i]] = std::min(1.0, largest);
  }
  return adjusted;
}

std::vector<double> benjamini_hochberg(std::span<const double> p_values) {
  const std::vector<std::size_t> places = ascending_places(p_values);
  const double tests = static_cast<double>(places.size());
  std::vector<double> adjusted(p_values.size());
  double smallest = 1;
  for (std::size_t i = places.size(); i-- > 0;) {
    smallest = std::min(smallest, tests / static_cast<double>(i + 1) * p_values[places[i]]);
    adjusted[places[i]] = smallest;
  }
  return adjusted;
}

}  // namespace discreet::stats
