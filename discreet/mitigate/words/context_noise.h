#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "discreet/core/random.h"

namespace discreet::mitigate {

/// How a text's context vector is bounded and perturbed before a decoder writes a text from it again.
struct ContextNoise {
  bool l1 = false;        ///< Clipped to L1 norm `clip`, else to L2 norm.
  bool laplace = false;   ///< Laplace noise of scale `scale` on each value, else Gaussian of this deviation.
  double clip = 1;
  double scale = 0;
  bool proven = false;
  std::string statement;  ///< What is guaranteed of one text, or why nothing is.

  /// x min(1, clip / |x|); a zero vector stays.
  void bound(std::span<double> x) const;
  /// Bounds and adds noise from secure bits.
  void release(std::span<double> x, core::SecureRng& rng) const;
};

/// Mechanisms by name, for vectors of `dimension` values clipped to `clip`, each text replaced by any other:
///
/// - gaussian: L2 clipping, sensitivity 2 clip; the least deviation that is (epsilon, delta)-DP, by Balle and Wang's
///   analytic formula.
/// - laplace: L1 clipping, sensitivity 2 clip in L1; scale 2 clip / epsilon.
/// - laplace-l2: L2 clipping; two vectors of norm clip differ by up to 2 clip sqrt(dimension) in L1; scale by that.
/// - as-published: L2 clipping with Laplace noise of scale 2 clip / epsilon, as Krishna, Gupta and Dupuy 2021 have it: the
///   L1 sensitivity is larger by sqrt(dimension) than it assumes (Habernal 2021), so nothing is proven and no epsilon
///   is stated.
/// Throws: kUsage for an unknown name, epsilon or clip not above 0, gaussian without a delta in (0, 1).
ContextNoise make_context_noise(const std::string& mechanism, double epsilon, double delta, double clip, std::size_t dimension);

/// The delta of one Gaussian release of noise `deviation` and sensitivity 1 at `epsilon`. Ref: Balle and Wang 2018, theorem 8.
double gaussian_delta(double deviation, double epsilon);
/// The least deviation, to 1e-12 relative, with `gaussian_delta` at most `delta`.
double gaussian_deviation(double epsilon, double delta);

}  // namespace discreet::mitigate
