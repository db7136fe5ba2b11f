#include "discreet/privacy/ftrl.h"

#include <algorithm>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::privacy {

std::int64_t chosen_bands(const FtrlOptions& options, std::int64_t steps, std::int64_t separation) {
  constexpr std::int64_t kUsual = 16;
  if (options.bands < 0) throw usage_error("the number of bands must not be negative");
  if (options.bands > 0) {
    if (options.bands > separation && steps > separation) {
      throw privacy_refused(
          fmt::format(
              "{} bands, but a unit comes again after {} steps: the noise of its two steps would "
              "overlap, and the bound on its influence would not hold",
              options.bands, separation),
          fmt::format("Take at most {} bands, or smaller batches.", separation));
    }
    return std::min(options.bands, steps);
  }
  return std::max<std::int64_t>(1, std::min({kUsual, separation, steps}));
}

std::shared_ptr<const NoiseStrategy> make_strategy(const FtrlOptions& options, std::int64_t steps,
                                                   const Participation& participation) {
  if (options.matrix == "banded") {
    const std::int64_t bands = chosen_bands(options, steps, participation.separation);
    return std::make_shared<BandedStrategy>(steps, optimal_bands(steps, bands, options.momentum));
  }
  if (options.matrix != "tree") {
    throw usage_error("the matrix '" + options.matrix + "' of DP-FTRL is not known",
                      "One of: banded, tree.");
  }
  auto whole = std::make_shared<TreeStrategy>(steps, options.honaker);
  if (participation.most == 1) return whole;
  auto passes = std::make_shared<TreeStrategy>(steps, options.honaker, participation.separation);
  if (prefix_rmse(*passes, participation) < prefix_rmse(*whole, participation)) return passes;
  return whole;
}

}  // namespace discreet::privacy
