#pragma once

#include <cmath>

#include "discreet/federated/strategy.h"

namespace discreet::federated {

/// What FedAdagrad, FedAdam and FedYogi share: m <- beta1 m + (1 - beta1) sum, the second moment v
/// by a rule of each, w <- w + rate m / (sqrt(v) + tau). Ref: Reddi et al. 2021, Algorithm 2.
class AdaptiveStrategy : public ServerStrategy {
 public:
  using ServerStrategy::ServerStrategy;

 protected:
  /// `next(v, square)` gives the second moment from the one before and the sum's square.
  template <typename Next>
  void adapt(std::span<double> w, std::span<const double> sum, double rate, Next next) {
    auto& m = vector("mean", w.size());
    const double start = options_.initial_v == "tau2" ? options_.tau * options_.tau : 0;
    auto& v = vector("second_moment", w.size(), start);
    for (std::size_t i = 0; i < w.size(); ++i) {
      m[i] = options_.beta1 * m[i] + (1 - options_.beta1) * sum[i];
      v[i] = next(v[i], sum[i] * sum[i]);
      w[i] += rate * m[i] / (std::sqrt(v[i]) + options_.tau);
    }
  }
};

}  // namespace discreet::federated
