#include "discreet/privacy/internal/loss_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace discreet::privacy::internal {

LossDistribution::LossDistribution(LossGrid grid, std::vector<double> mass, double infinite, LossDoubt doubt)
    : grid_(grid),
      infinite_(infinite),
      doubt_(doubt),
      survival_(grid.size + 1, 0.0),
      discounted_(grid.size + 1, 0.0) {
  const double decay = std::exp(-grid_.h);
  for (std::size_t k = grid_.size; k-- > 0;) {
    survival_[k] = survival_[k + 1] + mass[k];
    discounted_[k] = discounted_[k + 1] * decay + mass[k];
  }
}

double LossDistribution::doubt_at(double epsilon) const {
  return std::exp(doubt_.log - doubt_.lambda * epsilon);
}

double LossDistribution::epsilon(double delta) const {
  const double left = delta - infinite_;
  if (left < 0) return std::numeric_limits<double>::infinity();
  // Cell k holds if the sum at it does not pass delta; far below the answer it is no number, and does not.
  const auto holds = [&](std::size_t k) {
    return survival_[k] - discounted_[k] + doubt_at(grid_.at(k)) <= left;
  };
  // Cells below 0 are of no interest. `low` does not hold, or is the first of interest; `high` holds.
  std::size_t low = 0, high = grid_.size;
  if (grid_.at(0) < 0) low = std::min(grid_.size, static_cast<std::size_t>(std::ceil(-grid_.at(0) / grid_.h)));
  if (low < high && holds(low)) high = low;
  while (high > low + 1) {
    const std::size_t middle = low + (high - low) / 2;
    (holds(middle) ? high : low) = middle;
  }
  if (high == grid_.size) return std::numeric_limits<double>::infinity();
  const double at = grid_.at(high);
  if (high == 0 && doubt_.lambda > 0) return std::max(0.0, at);
  if (discounted_[high] <= 0) return std::max(0.0, at);
  // Between this cell and the one below: delta(e) = S_k - exp(e - t_k) D_k.
  const double rest = left - doubt_at(at - grid_.h);
  return std::max(0.0, at + std::min(0.0, std::log((survival_[high] - rest) / discounted_[high])));
}

double LossDistribution::delta(double epsilon) const {
  const double place =
      std::ceil((epsilon - grid_.shift) / grid_.h) + static_cast<double>(grid_.zero);
  if (place >= static_cast<double>(grid_.size)) {
    return std::clamp(infinite_ + doubt_at(epsilon), 0.0, 1.0);
  }
  if (place < 0 && doubt_.lambda > 0) return 1;
  const auto k = static_cast<std::size_t>(std::max(place, 0.0));
  const double value = infinite_ + doubt_at(epsilon) + survival_[k] -
                       std::exp(epsilon - grid_.at(k)) * discounted_[k];
  return std::isnan(value) ? 1 : std::clamp(value, 0.0, 1.0);
}

}  // namespace discreet::privacy::internal
