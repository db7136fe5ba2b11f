#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace discreet::stats {

/// Effect sizes of repeated draws, combined by DerSimonian and Laird's random-effects model.
struct CombinedEffect {
  std::uint64_t n = 0;
  std::optional<double> effect;
  double between_variance = 0;  ///< tau^2
  double heterogeneity = 0;     ///< Q
  double standard_error = 0;
  double z = 0;
  double p_two_sided = 1;       ///< The paper's. NOT A TEST, see below.
  double p_signed = 1;          ///< 1 - Phi(z), as the authors' code has it; not a test either.
  std::string reason;           ///< Why there is no effect.
};

/// CEAT's combination: effects ES_i with within-variances V_i. V_i is the variance of the word
/// associations, not a sampling variance of ES_i, and the draws reuse the same words, so the standard
/// error falls as 1 / sqrt(N) for any N one chooses: z and p say nothing about significance. An interval
/// comes from a bootstrap over words and contexts.
///
/// Edge cases: one effect: tau^2 = 0 and the effect itself; a variance of 0: absent, with a reason.
/// Throws: kInternal if the lengths differ or there are none.
/// Ref: DerSimonian and Laird 1986; Guo and Caliskan 2021.
CombinedEffect combine_effects(std::span<const double> effects, std::span<const double> variances);

}  // namespace discreet::stats
