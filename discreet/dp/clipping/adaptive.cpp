#include "discreet/core/registry.h"
#include "discreet/dp/internal/quantile_clipping.h"

namespace discreet {

void register_clipping_adaptive(core::Registry& registry) {
  registry.add({.kind = "clipping",
                .name = "adaptive",
                .summary = "one bound that follows a private quantile of the norms; sensitivity C_t, "
                           "and 1/2 in the recentred count",
                .reference = "Andrew et al. 2021, arXiv 1905.03871, Algorithm 1",
                .fields = {},
                .make = dp::MakeClippingRule([](const dp::ClippingOptions& options, auto) {
                  return std::unique_ptr<dp::ClippingRule>(
                      std::make_unique<dp::internal::QuantileClipping>(
                          std::vector<double>{options.clip_norm}, false, options));
                })});
}

}  // namespace discreet
