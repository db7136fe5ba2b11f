#include <cmath>

#include "discreet/core/registry.h"
#include "discreet/dp/clipping.h"

namespace discreet {
namespace {

/// Every gradient is brought to nearly the norm C, small ones too, so that C is a part of the learning
/// rate and needs no search.
class AutoClipping final : public dp::ClippingRule {
 public:
  explicit AutoClipping(double clip_norm) : ClippingRule({clip_norm}) {}
  double factor(std::size_t, double norm) const override {
    return std::isfinite(norm) ? bounds_[0] / (norm + kStability) : 0;
  }

 private:
  static constexpr double kStability = 0.01;
};

}  // namespace

void register_clipping_auto_s(core::Registry& registry) {
  registry.add({.kind = "clipping",
                .name = "auto-s",
                .summary = "C / (norm + 0.01) over all parameters together; sensitivity C",
                .reference = "Bu et al. 2023, arXiv 2206.07136, Algorithm 1",
                .fields = {},
                .make = dp::MakeClippingRule([](const dp::ClippingOptions& options, auto) {
                  return std::unique_ptr<dp::ClippingRule>(
                      std::make_unique<AutoClipping>(options.clip_norm));
                })});
}

}  // namespace discreet
