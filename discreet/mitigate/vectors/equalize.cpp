#include "discreet/mitigate/vectors/equalize.h"

#include <algorithm>
#include <cmath>

namespace discreet::mitigate {
namespace {

double length_of(std::span<const double> row) {
  double sum = 0;
  for (const double x : row) sum += x * x;
  return std::sqrt(sum);
}

}  // namespace

std::size_t scale_to_unit(std::span<double> values, std::size_t dimension) {
  std::size_t zero = 0;
  for (std::size_t at = 0; at < values.size(); at += dimension) {
    const auto row = values.subspan(at, dimension);
    const double length = length_of(row);
    zero += length == 0 ? 1 : 0;
    if (length > 0) {
      for (double& x : row) x /= length;
    }
  }
  return zero;
}

bool equalize_pair(const AffineMap& map, std::span<double> first, std::span<double> second) {
  const std::size_t d = map.dimension;
  std::vector<double> mean(d), side(d);
  for (std::size_t k = 0; k < d; ++k) {
    mean[k] = (first[k] + second[k]) / 2;
    side[k] = (first[k] - second[k]) / 2;
  }
  const std::vector<double> nu = map.apply(mean), outside = map.apply(side);
  // Within the subspace the mean of both parts is that of the pair, so the first lies at +side, the second at -side.
  for (std::size_t k = 0; k < d; ++k) side[k] -= outside[k];
  const double length = length_of(side);
  if (length <= 1e-9) return false;
  const double nu_length = length_of(nu);
  const double reach = std::sqrt(std::max(0.0, 1 - nu_length * nu_length)) / length;
  for (std::size_t k = 0; k < d; ++k) {
    first[k] = nu[k] + reach * side[k];
    second[k] = nu[k] - reach * side[k];
  }
  return true;
}

}  // namespace discreet::mitigate
