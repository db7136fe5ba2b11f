#include "discreet/core/registry.h"
#include "discreet/mitigate/distillation/combination.h"

namespace discreet {
namespace mitigate {
namespace {

at::Tensor log_mean_exp_score(const at::Tensor& original, const at::Tensor& reversed) {
  constexpr double kLog2 = 0.693147180559945309;
  return at::logaddexp(original, reversed) - kLog2;
}

}  // namespace
}  // namespace mitigate

void register_combination_log_mean_exp(core::Registry& registry) {
  registry.add({.kind = "combination",
                .name = "log-mean-exp",
                .summary = "The logarithm of the mean of exponentials: of log-probabilities the mean of the two distributions",
                .reference = "Gupta et al. 2022, in our reading",
                .make = mitigate::Combination(&mitigate::log_mean_exp_score)});
}

}  // namespace discreet
