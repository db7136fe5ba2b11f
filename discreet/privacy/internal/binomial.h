#pragma once

#include <cstdint>

namespace discreet::privacy::internal {

/// P[Bin(n, p) >= k], to nearly full relative precision also far out. k <= 0 gives 1, k > n gives 0.
double binomial_survival(std::int64_t n, double p, std::int64_t k);

}  // namespace discreet::privacy::internal
