#include "discreet/stats/dependent_correlations.h"

#include <algorithm>
#include <cmath>

#include <boost/math/distributions/students_t.hpp>

#include "discreet/core/error.h"

namespace discreet::stats {

std::optional<WilliamsTest> williams_test(double r12, double r13, double r23, std::uint64_t n) {
  for (const double r : {r12, r13, r23}) {
    if (!(std::abs(r) <= 1)) throw internal_error("a correlation outside [-1, 1]");
  }
  if (n < 4 || std::abs(r12) == 1 || std::abs(r13) == 1 || std::abs(r23) == 1) return std::nullopt;
  const double determinant = 1 - r12 * r12 - r13 * r13 - r23 * r23 + 2 * r12 * r13 * r23;
  if (determinant <= 0) return std::nullopt;
  const double cases = static_cast<double>(n), mean = (r12 + r13) / 2;
  const double scale = (cases - 1) * (1 + r23) /
                       (2 * (cases - 1) / (cases - 3) * determinant + mean * mean * std::pow(1 - r23, 3));
  WilliamsTest test{.t = (r12 - r13) * std::sqrt(scale), .degrees = n - 3};
  test.p_value = 2 * boost::math::cdf(boost::math::complement(
                         boost::math::students_t(static_cast<double>(test.degrees)), std::abs(test.t)));
  return test;
}

std::optional<EquivalenceTest> equivalence_of_correlation(double r, std::uint64_t n, double bound, double alpha) {
  if (!(bound > 0 && bound < 1 && alpha > 0 && alpha < 0.5)) throw internal_error("bounds of an equivalence test");
  if (n < 4) return std::nullopt;
  const double error = 1 / std::sqrt(static_cast<double>(n) - 3), edge = std::atanh(bound);
  const double z = std::atanh(std::clamp(r, -1 + 1e-15, 1 - 1e-15)), width = normal_quantile(1 - alpha) * error;
  EquivalenceTest test;
  test.p_value = std::max(normal_cdf((z - edge) / error), normal_cdf(-(z + edge) / error));
  test.ci = {std::tanh(z - width), std::tanh(z + width)};
  test.smallest_r = std::tanh(edge - width);
  return test;
}

}  // namespace discreet::stats
