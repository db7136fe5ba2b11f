#include "discreet/core/registry.h"
#include "discreet/mitigate/distillation/combination.h"

namespace discreet {
namespace mitigate {
namespace {

at::Tensor larger_score(const at::Tensor& original, const at::Tensor& reversed) {
  return at::maximum(original, reversed);
}

}  // namespace
}  // namespace mitigate

void register_combination_max(core::Registry& registry) {
  registry.add({.kind = "combination",
                .name = "max",
                .summary = "The larger score of each token",
                .reference = "Gupta et al. 2022, in our reading",
                .make = mitigate::Combination(&mitigate::larger_score)});
}

}  // namespace discreet
