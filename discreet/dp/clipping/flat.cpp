#include "discreet/core/registry.h"
#include "discreet/dp/clipping.h"

namespace discreet {
namespace {

class FlatClipping final : public dp::ClippingRule {
 public:
  explicit FlatClipping(double clip_norm) : ClippingRule({clip_norm}) {}
  double factor(std::size_t, double norm) const override { return dp::clip_factor(norm, bounds_[0]); }
};

}  // namespace

void register_clipping_flat(core::Registry& registry) {
  registry.add({.kind = "clipping",
                .name = "flat",
                .summary = "min(1, C / norm) over all parameters together; sensitivity C",
                .reference = "Abadi et al. 2016, Algorithm 1",
                .fields = {},
                .make = dp::MakeClippingRule([](const dp::ClippingOptions& options, auto) {
                  return std::unique_ptr<dp::ClippingRule>(
                      std::make_unique<FlatClipping>(options.clip_norm));
                })});
}

}  // namespace discreet
