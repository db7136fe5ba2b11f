#pragma once

#include <span>

namespace discreet::stats {

/// Jensen-Shannon divergence of two distributions given as counts or shares, in nats: the mean of the
/// Kullback-Leibler divergences from their average. In [0, log 2].
///
/// Shapes: p, q [L], non-negative; each is divided by its sum. Cells of 0 contribute 0.
/// Throws: kUsage if lengths differ or a sum is not positive and finite.
/// Ref: Lin 1991.
double jensen_shannon_divergence(std::span<const double> p, std::span<const double> q);

/// Its square root, a metric. `log_base` 2 gives [0, 1]; the default, e, [0, sqrt(log 2)].
double jensen_shannon_distance(std::span<const double> p, std::span<const double> q,
                               double log_base = 2.718281828459045);

/// Gini coefficient of non-negative values: 0 if all are equal, (n - 1)/n if one has everything.
/// All zero or none: 0. Throws: kUsage for a negative or non-finite value.
double gini(std::span<const double> values);

}  // namespace discreet::stats
