#include "discreet/core/registry.h"
#include "discreet/dp/clipping.h"

namespace discreet {
namespace {

/// All or nothing; NaN compares false.
class GlobalClipping final : public dp::ClippingRule {
 public:
  explicit GlobalClipping(double clip_norm) : ClippingRule({clip_norm}) {}
  double factor(std::size_t, double norm) const override { return norm <= bounds_[0] ? 1 : 0; }
};

}  // namespace

void register_clipping_global(core::Registry& registry) {
  registry.add({.kind = "clipping",
                .name = "global",
                .summary = "gradients with a norm above C are dropped, others stay; sensitivity C",
                .reference = "Bu et al. 2022, arXiv 2106.07830",
                .fields = {},
                .make = dp::MakeClippingRule([](const dp::ClippingOptions& options, auto) {
                  return std::unique_ptr<dp::ClippingRule>(
                      std::make_unique<GlobalClipping>(options.clip_norm));
                })});
}

}  // namespace discreet
