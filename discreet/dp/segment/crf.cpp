#include "discreet/core/registry.h"
#include "discreet/dp/internal/instantiated.h"
#include "discreet/dp/internal/kernels.h"

namespace discreet {
namespace {

/// Transitions, start and end scores: the layer hands over each example's gradient as it is.
class CrfSegments final : public dp::internal::InstantiatedRule {
 public:
  CrfSegments() : InstantiatedRule("crf", {3, 0, 3}) {}

 private:
  at::Tensor row_gradients(const nn::Use& use, std::size_t param) const override {
    return use.gradients[param].reshape({use.gradients[param].size(0), use.params[param].numel()});
  }
  void add_gradient(const nn::Use& use, std::size_t param, std::int64_t s,
                    std::span<double> out) const override {
    const at::Tensor& gradient = use.gradients[param];
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

void register_segment_rule_crf(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "crf",
                .summary = "scores of a linear-chain CRF: per-example gradients from the layer",
                .reference = "Lafferty, McCallum and Pereira 2001",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions&) {
                  return std::unique_ptr<dp::SegmentRule>(std::make_unique<CrfSegments>());
                })});
}

}  // namespace discreet
