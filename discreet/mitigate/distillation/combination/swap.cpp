#include "discreet/core/registry.h"
#include "discreet/mitigate/distillation/combination.h"

namespace discreet {
namespace mitigate {
namespace {

at::Tensor reversed_score(const at::Tensor& original, const at::Tensor& reversed) {
  (void)original;
  return reversed;
}

}  // namespace
}  // namespace mitigate

void register_combination_swap(core::Registry& registry) {
  registry.add({.kind = "combination",
                .name = "swap",
                .summary = "What the teacher says after the reversed text",
                .reference = "Gupta et al. 2022, in our reading",
                .make = mitigate::Combination(&mitigate::reversed_score)});
}

}  // namespace discreet
