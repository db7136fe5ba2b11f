#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace discreet::privacy::internal {

/// The points t_k = (k - zero) h + shift.
struct LossGrid {
  double h = 0;
  std::size_t size = 0, zero = 0;
  double shift = 0;

  double at(std::size_t k) const {
    return (static_cast<double>(k) - static_cast<double>(zero)) * h + shift;
  }
};

/// Cells of the largest grid: 16 million take 0.4 GB and some seconds.
inline constexpr double kMostCells = 1 << 24;

/// What rounding may have taken from delta(epsilon): exp(log - lambda epsilon). Where lambda > 0, masses
/// below the grid are not known.
struct LossDoubt {
  double log = -std::numeric_limits<double>::infinity(), lambda = 0;
};

/// A privacy loss on a grid: P[loss = t_k] = mass[k], and mass at infinity.
class LossDistribution {
 public:
  LossDistribution(LossGrid grid, std::vector<double> mass, double infinite = 0, LossDoubt doubt = {});
  const LossGrid& grid() const { return grid_; }
  double infinite() const { return infinite_; }
  /// E[(1 - exp(epsilon - loss))+], with the doubt added.
  double delta(double epsilon) const;
  /// Smallest epsilon >= 0 with delta(epsilon) <= delta.
  double epsilon(double delta) const;

 private:
  LossGrid grid_;
  double doubt_at(double epsilon) const;

  double infinite_;
  LossDoubt doubt_;
  /// S_k = sum_{j >= k} p_j and D_k = sum_{j >= k} p_j exp(t_k - t_j), so that delta(t_k) = S_k - D_k.
  std::vector<double> survival_, discounted_;
};

}  // namespace discreet::privacy::internal
