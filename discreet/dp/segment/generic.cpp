#include "discreet/core/registry.h"
#include "discreet/dp/internal/instantiated.h"
#include "discreet/dp/internal/kernels.h"

namespace discreet {
namespace {

/// A parameter that was copied for each segment: the copies' gradients are the segments'. The clipper
/// lets it pass only where it was asked for by name and fits under a cap.
class GenericSegments final : public dp::internal::InstantiatedRule {
 public:
  GenericSegments() : InstantiatedRule("generic", {1, 0, 1}) {}

 private:
  at::Tensor row_gradients(const nn::Use& use, std::size_t) const override {
    return use.gradients[0].reshape({use.gradients[0].size(0), use.params[0].numel()});
  }
  void add_gradient(const nn::Use& use, std::size_t, std::int64_t s,
                    std::span<double> out) const override {
    const at::Tensor& gradient = use.gradients[0];
    const auto size = static_cast<std::int64_t>(out.size());
    dp::internal::by_element_type(gradient, [&](auto zero) {
      using T = decltype(zero);
      const T* data = gradient.const_data_ptr<T>();
      for (std::int64_t r = use.segments->offsets[s]; r < use.segments->offsets[s + 1]; ++r) {
        dp::internal::add_scaled(std::span<const T>(data + r * size, out.size()), 1, out.data());
      }
    });
  }
};

}  // namespace

void register_segment_rule_generic(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "generic",
                .summary = "any use of a small parameter: autograd over a copy per segment",
                .reference = "",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions&) {
                  return std::unique_ptr<dp::SegmentRule>(std::make_unique<GenericSegments>());
                })});
}

}  // namespace discreet
