#include "discreet/mitigate/words/perturbation.h"

#include <cmath>

namespace discreet::mitigate {

double secure_open_uniform(core::SecureRng& rng) {
  while (true) {
    const double u = rng.uniform();
    if (u > 0) return u;
  }
}

double secure_normal(core::SecureRng& rng) {
  const double radius = std::sqrt(-2 * std::log(secure_open_uniform(rng)));
  return radius * std::cos(2 * std::acos(-1.0) * rng.uniform());
}

double secure_gamma(double shape, core::SecureRng& rng) {
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = secure_normal(rng), v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(secure_open_uniform(rng)) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace discreet::mitigate
