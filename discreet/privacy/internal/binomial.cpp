#include "discreet/privacy/internal/binomial.h"

#include <boost/math/special_functions/beta.hpp>

namespace discreet::privacy::internal {

double binomial_survival(std::int64_t n, double p, std::int64_t k) {
  if (k <= 0) return 1;
  if (k > n || p <= 0) return 0;
  if (p >= 1) return 1;
  return boost::math::ibeta(static_cast<double>(k), static_cast<double>(n - k + 1), p);
}

}  // namespace discreet::privacy::internal
