#include "discreet/core/registry.h"
#include "discreet/dp/clipping.h"

namespace discreet {
namespace {

/// A layer's norm is known as soon as its backward pass is through, so its output gradients need not be
/// kept until the end.
class PerLayerClipping final : public dp::ClippingRule {
 public:
  explicit PerLayerClipping(std::vector<double> bounds) : ClippingRule(std::move(bounds)) {}
  bool by_layer() const override { return true; }
  double factor(std::size_t layer, double norm) const override {
    return dp::clip_factor(norm, bounds_[layer]);
  }
};

}  // namespace

void register_clipping_per_layer(core::Registry& registry) {
  registry.add({.kind = "clipping",
                .name = "per-layer",
                .summary = "each layer by its own bound C_l; sensitivity sqrt(sum C_l^2)",
                .reference = "McMahan et al. 2018, arXiv 1710.06963, section 3",
                .fields = {},
                .make = dp::MakeClippingRule([](const dp::ClippingOptions& options, auto layers) {
                  return std::unique_ptr<dp::ClippingRule>(
                      std::make_unique<PerLayerClipping>(dp::layer_bounds(options, layers)));
                })});
}

}  // namespace discreet
