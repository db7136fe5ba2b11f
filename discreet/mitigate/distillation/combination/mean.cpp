#include "discreet/core/registry.h"
#include "discreet/mitigate/distillation/combination.h"

namespace discreet {
namespace mitigate {
namespace {

at::Tensor mean_score(const at::Tensor& original, const at::Tensor& reversed) {
  return (original + reversed) / 2;
}

}  // namespace
}  // namespace mitigate

void register_combination_mean(core::Registry& registry) {
  registry.add({.kind = "combination",
                .name = "mean",
                .summary = "The mean score: the geometric mean of the two distributions",
                .reference = "Gupta et al. 2022, in our reading",
                .make = mitigate::Combination(&mitigate::mean_score)});
}

}  // namespace discreet
