#pragma once

#include <vector>

#include "discreet/privacy/event.h"

namespace discreet::privacy::internal {

/// 1.1, 1.2 … 10.9, 12 … 63 (the grid of Opacus), then 128, 256, 512, 1024.
const std::vector<double>& rdp_orders();

/// Step of the trapezoidal rule for functions of a sampled Gaussian's loss under N(0, s^2): errors below
/// exp(-40).
double quadrature_step(double s);

/// Renyi divergences of order `orders[i]` of one Gaussian of `noise_multiplier` on a Poisson
/// sample, remove direction: log E_{x ~ N(0, s^2)}[((1 - q) + q exp((2x - 1) / (2 s^2)))^a] / (a -
/// 1).
///
/// Whole orders by the binomial sum, all others by the trapezoidal rule, whose error falls
/// exponentially for this integrand (below 1e-15 relative; the series with signs converges like
/// i^-(a+2)). Where that takes too many points (multipliers below about 0.04, orders in the
/// thousands) by the chord between whole orders, an upper bound. All work on the excess over 1, so
/// that tiny rates keep their digits. Edge cases: q 0 gives 0, sigma 0 gives infinity, q 1 gives
/// a/(2 s^2). Orders must exceed 1. Ref: Mironov, Talwar and Zhang 2019, section 3.3.
std::vector<double> sampled_gaussian_rdp(double sampling_rate, double noise_multiplier,
                                         const std::vector<double>& orders);

/// Sum over the phases, per order.
std::vector<double> rdp_of(const std::vector<Phase>& phases, const std::vector<double>& orders);
/// Of a whole event. Throws: kInternal for a step that `why_not` should have refused.
std::vector<double> rdp_of(const FlatEvent& flat, const std::vector<double>& orders);

/// Laplace noise of `scale` sensitivities on one number. Ref: Mironov 2017, Proposition 6.
double laplace_rdp(double scale, double order);
/// The most that an epsilon-DP mechanism can have: that of randomised response.
double pure_rdp(double epsilon, double order);
/// A Gaussian on batches of a fixed fraction q, replace-one. Ref: Wang, Balle and Kasiviswanathan
/// 2019, Theorems 9 and 27; never above the cost without sampling.
std::vector<double> without_replacement_rdp(double q, double noise_multiplier,
                                            const std::vector<double>& orders);
/// gamma of the truncated negative binomial with this mean. Ref: Papernot and Steinke 2022, section 3.
double selection_gamma(double shape, double mean);
/// The best of a random number of runs of `one`. Ref: Papernot and Steinke 2022, Theorems 2 and 6.
std::vector<double> selection_rdp(const RunCount& runs, const FlatEvent& one,
                                  const std::vector<double>& orders);

struct RdpMinimum {
  double value = 0;
  std::size_t index = 0;  ///< Into the orders.
};
/// Smallest epsilon over the orders: rdp - (ln delta + ln a)/(a - 1) + ln((a - 1)/a), at least 0.
/// Ref: Balle, Barthe, Gaboardi, Hsu and Sato 2020, Theorem 21.
RdpMinimum rdp_epsilon(const std::vector<double>& orders, const std::vector<double>& rdp,
                       double delta);
/// The reverse: smallest delta over the orders, at most 1.
RdpMinimum rdp_delta(const std::vector<double>& orders, const std::vector<double>& rdp,
                     double epsilon);

}  // namespace discreet::privacy::internal
