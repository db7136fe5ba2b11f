#include "discreet/core/registry.h"
#include "discreet/dp/internal/quantile_clipping.h"

namespace discreet {

void register_clipping_group_wise(core::Registry& registry) {
  registry.add({.kind = "clipping",
                .name = "group-wise",
                .summary = "each layer by a bound that follows a private quantile of its norms; "
                           "sensitivity sqrt(sum C_l^2), and sqrt(L)/2 in the recentred counts",
                .reference = "He et al. 2023, arXiv 2212.01539",
                .fields = {},
                .make = dp::MakeClippingRule([](const dp::ClippingOptions& options, auto layers) {
                  return std::unique_ptr<dp::ClippingRule>(
                      std::make_unique<dp::internal::QuantileClipping>(
                          dp::layer_bounds(options, layers), true, options));
                })});
}

}  // namespace discreet
