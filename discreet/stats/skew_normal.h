#pragma once

#include <span>

namespace discreet::stats {

/// The skew-normal distribution: density 2/w phi(z) Phi(a z), z = (x - location) / w.
struct SkewNormal {
  double location = 0;
  double scale = 1;  ///< w > 0
  double shape = 0;  ///< a; 0: normal
};

/// ln of the density.
double log_density(const SkewNormal& distribution, double x);
/// ln of the distribution function, precise in both tails (by quadrature of the density relative to its
/// largest value, so that probabilities far below the smallest double have a logarithm too).
double log_cdf(const SkewNormal& distribution, double x);

/// Maximum likelihood by Nelder and Mead's search from the moments' estimate.
///
/// Edge cases: |shape| is kept at most 100 (the likelihood of small samples may grow without bound).
/// Throws: kInternal for fewer than 3 values, a value that is not finite, or values that are all equal.
/// Ref: Azzalini 1985; the moments' estimate as in Azzalini and Capitanio 2014, section 3.1.
SkewNormal fit_skew_normal(std::span<const double> values);

}  // namespace discreet::stats
