#include "discreet/core/registry.h"
#include "discreet/dp/internal/instantiated.h"
#include "discreet/dp/internal/kernels.h"

namespace discreet {
namespace {

/// dgamma = sum_t dY[t] * xhat[t].
class RmsNormSegments final : public dp::internal::InstantiatedRule {
 public:
  RmsNormSegments() : InstantiatedRule("rms_norm", {1, 1, 1}) {}

 private:
  at::Tensor row_gradients(const nn::Use& use, std::size_t) const override {
    return use.gradients[0] * use.inputs[0];
  }
  void add_gradient(const nn::Use& use, std::size_t, std::int64_t s,
                    std::span<double> out) const override {
    const at::Tensor& gradient = use.gradients[0];
    const std::int64_t width = gradient.size(1);
    dp::internal::by_element_type(gradient, [&](auto zero) {
      using T = decltype(zero);
      const T* dy = gradient.const_data_ptr<T>();
      const T* xhat = use.inputs[0].const_data_ptr<T>();
      for (std::int64_t r = use.segments->offsets[s]; r < use.segments->offsets[s + 1]; ++r) {
        const std::span<const T> row(dy + r * width, static_cast<std::size_t>(width));
        dp::internal::add_product(row, xhat + r * width, out.data());
      }
    });
  }
};

}  // namespace

void register_segment_rule_rms_norm(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "rms_norm",
                .summary = "y = gamma xhat on rows: instantiated",
                .reference = "Zhang and Sennrich 2019",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions&) {
                  return std::unique_ptr<dp::SegmentRule>(std::make_unique<RmsNormSegments>());
                })});
}

}  // namespace discreet
