#include "discreet/privacy/internal/loss_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace discreet::privacy::internal {

LossDistribution::LossDistribution(LossGrid grid, std::vector<double> mass, double infinite)
    : grid_(grid),
      infinite_(infinite),
      survival_(grid.size + 1, 0.0),
      discounted_(grid.size + 1, 0.0) {
  const double decay = std::exp(-grid_.h);
  for (std::size_t k = grid_.size; k-- > 0;) {
    survival_[k] = survival_[k + 1] + mass[k];
    discounted_[k] = discounted_[k + 1] * decay + mass[k];
  }
}

double LossDistribution::epsilon(double delta) const {
  const double left = delta - infinite_;
  if (left < 0) return std::numeric_limits<double>::infinity();
  // From the top: the first cell where the sum passes delta.
  std::size_t k = grid_.size;
  while (k > 0 && grid_.at(k - 1) >= 0 && survival_[k - 1] - discounted_[k - 1] <= left) --k;
  if (k == grid_.size) return std::numeric_limits<double>::infinity();
  if (discounted_[k] <= 0) return std::max(0.0, grid_.at(k));
  // Between cells k - 1 and k: delta(e) = S_k - exp(e - t_k) D_k.
  return std::max(0.0, grid_.at(k) + std::log((survival_[k] - left) / discounted_[k]));
}

double LossDistribution::delta(double epsilon) const {
  const double place =
      std::ceil((epsilon - grid_.shift) / grid_.h) + static_cast<double>(grid_.zero);
  if (place >= static_cast<double>(grid_.size)) return std::clamp(infinite_, 0.0, 1.0);
  const auto k = static_cast<std::size_t>(std::max(place, 0.0));
  return std::clamp(infinite_ + survival_[k] - std::exp(epsilon - grid_.at(k)) * discounted_[k],
                    0.0, 1.0);
}

}  // namespace discreet::privacy::internal
