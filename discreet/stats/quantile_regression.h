#pragma once

#include <span>
#include <vector>

namespace discreet::stats {

/// The linear function of `rows` (n rows of `features` values, an intercept is added) that about a share
/// `level` of `values` lies below: it minimises the mean pinball loss.
///
/// Returns intercept, then weights. Majorise-minimise on a loss smoothed at 1e-6 of the values' spread;
/// features that do not vary get weight 0. Throws: kInternal for other shapes or level outside (0, 1).
/// Ref: Koenker and Bassett 1978; Hunter and Lange 2000.
std::vector<double> quantile_regression(std::span<const double> rows, std::size_t features,
                                        std::span<const double> values, double level);

}  // namespace discreet::stats
