#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace discreet::privacy::internal {

/// For the losses t_i = (first + i) h, i < n, of one Gaussian of noise multiplier s on a Poisson sample
/// of rate q (remove direction: P = (1-q) N(0, s^2) + q N(1, s^2) against Q = N(0, s^2)):
/// call_i = P[L > t] - exp(t) Q[L > t], the delta at epsilon t;
/// put_i = exp(t) Q[L <= t] - P[L <= t], which is call_i - 1 + exp(t), precise where that is small;
/// survival_i = P[L > t]. |t| must be below 700. 0 < q <= 1, s > 0.
using MixtureCurves = void (*)(double q, double s, double first, double h, std::size_t n,
                               double* call, double* put, double* survival);
/// Sum of p_i ratio^i.
using PowerSum = double (*)(const double* p, std::size_t n, double ratio);
/// product *= (re + i im)^times.
using MultiplyPower = void (*)(const double* re, const double* im, std::size_t n,
                               std::int64_t times, double* product_re, double* product_im);
using TransformPass = void (*)(std::size_t m, std::size_t s, const double* wr, const double* wi,
                               const double* xr, const double* xi, double* yr, double* yi);

/// The loops for one instruction set.
struct NumericLoops {
  const char* name;
  MixtureCurves mixture_curves;
  PowerSum power_sum;
  MultiplyPower multiply_power;
  TransformPass pass2, pass3, pass4, pass5;
};

/// All that this processor can run, quickest first; the last is portable.
std::vector<NumericLoops> numeric_loops();
/// The quickest.
const NumericLoops& quickest_loops();

}  // namespace discreet::privacy::internal
