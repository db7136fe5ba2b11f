#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "discreet/dp/plan.h"

namespace discreet::audit {

/// What one private training of gradient canaries showed.
struct GradientCanaries {
  /// Scores of the canaries that took part, higher = more likely they did, in standard deviations of the noise
  /// that the plan claims. Without sampling those left out are N(0, 1), the others N(mu, 1), all independent, so each
  /// canary is a trial of its own.
  std::vector<double> included, left_out;
  double mu = 0;                 ///< sqrt(steps) / multiplier: of a run without sampling, at the plan's claim.
  double epsilon = 0;            ///< What the plan claims for the run, at its delta.
};

/// How one run is made.
struct GradientCanaryOptions {
  std::int64_t canaries = 1000;
  double sampling_rate = 1;
  std::uint64_t seed = 0;        ///< Of the coins.
};

/// A plan for so many units; tests plant defects by another one.
using PlanMaker = std::function<std::unique_ptr<dp::PrivatePlan>(dp::PrivacyOptions)>;

/// One training run of DP-SGD in which every canary, by a fair coin of its own, is a unit or is not. A canary's
/// gradient is a multiple of one coordinate that no other unit touches (Dirac), far beyond the clip norm; what
/// the final parameters say there is its score. Sampler, clipper, noise, divisor, optimiser and accountant are those
/// of training (dp/private_step.h); nothing else takes part, as with other gradients the canaries' coordinates would be
/// the same.
///
/// `options`: units and expected_batch_size are set here, to those that the coins gave and the rate; per example.
/// Throws: kUsage for fewer than 10 canaries, a mechanism or a clipping rule other than dp-sgd and flat.
/// With sampling `mu` is 0: the run is no Gaussian mechanism. Ref: Nasr et al. 2023, section 4 (Dirac gradients); Steinke, Nasr and Jagielski 2023 (one run).
GradientCanaries train_gradient_canaries(dp::PrivacyOptions options, const GradientCanaryOptions& how,
                                         const PlanMaker& make_plan = {});

}  // namespace discreet::audit
