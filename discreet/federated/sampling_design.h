#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace discreet::federated {

/// How a cohort is drawn from weights. What may be claimed of each under differential privacy:
/// selection.h.
enum class Design {
  kSuccessive,       ///< One by one by weight, without putting back.
  kUniformWor,       ///< K of N, every subset alike; weights must be equal.
  kWithReplacement,  ///< K draws; a client drawn c times trains once and counts c times.
  kPoisson,          ///< Each by itself with its own rate; the cohort's size is random, maybe 0.
};

/// Inclusion probabilities: the chance of each device to be in the cohort.
struct Inclusion {
  std::vector<double> probability;  ///< [N]; empty: nobody knows.
  std::string method;               ///< "exact", "quadrature", "approximation" or "unknown".
  double error = 0;  ///< Largest relative error: of rounding, or as measured on some devices.
};

/// Of successive sampling of `cohort` from weights (any scale; 0 is never drawn).
///
/// N <= 16: sum over all subsets. N <= 200: a race of exponential clocks with rates p_k,
/// P(k among the first K) = integral of p_k exp(-p_k x) P(fewer than K others rang before x), the
/// count of others by its exact (Poisson-binomial) distribution. Above: that distribution by a
/// normal one with a correction for skewness; the error stated is the largest among the lightest,
/// the middle and the heaviest device, by the exact distribution where N K is at most 2,000,000.
/// Note that this is not cohort * p_k, however often that is taken for it.
Inclusion successive_inclusion(std::span<const double> weights, std::int64_t cohort);

/// 1 - (1 - p_k)^cohort.
Inclusion with_replacement_inclusion(std::span<const double> weights, std::int64_t cohort);

/// min(1, cohort p_k): expected size below `cohort` where a rate is capped.
std::vector<double> poisson_rates(std::span<const double> weights, std::int64_t cohort);
/// Rates above 1 are set to 1 and the rest scaled up until the sum is min(cohort, devices that can be
/// drawn).
std::vector<double> waterfill_rates(std::span<const double> weights, std::int64_t cohort);

/// Uniform numbers in [0, 1): of a reproducible generator, or of a secure one under privacy.
using Uniform = std::function<double()>;

/// `cohort` different indices, rising; all with a weight if there are not more.
std::vector<std::int64_t> draw_successive(std::span<const double> weights, std::int64_t cohort,
                                          const Uniform& uniform);
/// Indices, rising, each as often as it was drawn.
std::vector<std::int64_t> draw_with_replacement(std::span<const double> weights,
                                                std::int64_t cohort, const Uniform& uniform);
std::vector<std::int64_t> draw_poisson(std::span<const double> rates, const Uniform& uniform);

}  // namespace discreet::federated
