#include "discreet/stats/exposure.h"

#include <cmath>
#include <numbers>

#include "discreet/core/error.h"

namespace discreet::stats {

double exposure_by_rank(double canary, std::span<const double> references) {
  if (references.empty()) throw internal_error("an exposure without references");
  std::uint64_t rank = 1;
  for (const double reference : references) rank += reference <= canary ? 1 : 0;
  return exposure_of_rank(rank, static_cast<double>(references.size()));
}

double exposure_of_rank(std::uint64_t rank, double space) {
  return std::log2(space) - std::log2(static_cast<double>(rank));
}

double exposure_by_fit(double canary, const SkewNormal& fit) {
  return -log_cdf(fit, canary) / std::numbers::ln2;
}

}  // namespace discreet::stats
