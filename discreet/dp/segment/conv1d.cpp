#include "discreet/core/registry.h"
#include "discreet/dp/internal/outer_products.h"
#include "discreet/dp/internal/uses.h"

namespace discreet {
namespace dp::internal {
namespace {

/// Unfolded, a convolution is a linear layer on windows; with groups it is one for each, on its own
/// rows of the weight.
class ConvolutionSegments final : public dp::SegmentRule {
 public:
  explicit ConvolutionSegments(const dp::RuleOptions& options) : options_(options) {}

  void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) override {
    const std::size_t groups = uses.front().inputs.size();
    for (nn::Use& use : uses) check_use(use, {2, groups, 1}, squared.size());
    while (groups_.size() < groups) groups_.emplace_back(1, options_);
    for (std::size_t g = 0; g < groups; ++g) {
      std::vector<nn::Use> linear;
      for (const nn::Use& use : uses) {
        linear.push_back({use.kind,
                          use.params,
                          {use.inputs[g]},
                          {group_of(use.gradients[0], g, 1)},
                          use.segments});
      }
      groups_[g].add_squared_norms(std::move(linear), squared);
    }
  }

  void add_clipped_sum(std::span<const double> factors,
                       std::span<dp::GradientSink* const> sinks) override {
    if (groups_.size() == 1) return groups_[0].add_clipped_sum(factors, sinks);
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      // Each group's sum is made apart, then put on its rows.
      dp::GradientSink parts[2];
      dp::GradientSink* targets[2] = {nullptr, nullptr};
      for (std::size_t k = 0; k < 2; ++k) {
        if (sinks[k] == nullptr) continue;
        parts[k] = dp::GradientSink(at::empty_like(group_of(sinks[k]->accumulator(), g, 0)));
        targets[k] = &parts[k];
      }
      groups_[g].add_clipped_sum(factors, targets);
      for (std::size_t k = 0; k < 2; ++k) {
        if (sinks[k] != nullptr) group_of(sinks[k]->accumulator(), g, 0).add_(parts[k].sum());
      }
    }
  }

 private:
  /// Group g's share of the output channels, which stand along `dimension`.
  at::Tensor group_of(const at::Tensor& tensor, std::size_t g, std::int64_t dimension) const {
    const std::int64_t width = tensor.size(dimension) / static_cast<std::int64_t>(groups_.size());
    return tensor.narrow(dimension, static_cast<std::int64_t>(g) * width, width);
  }

  dp::RuleOptions options_;
  std::vector<OuterProductRule> groups_;
};

}  // namespace
}  // namespace dp::internal

void register_segment_rule_conv1d(core::Registry& registry) {
  registry.add(
      {.kind = "segment_rule",
       .name = "conv1d",
       .summary = "convolution over sequences: a linear layer on windows, one for each group",
       .reference = "Rochette et al. 2019, arXiv 1912.06015",
       .fields = {},
       .make = dp::MakeSegmentRule([](const dp::RuleOptions& options) {
         return std::unique_ptr<dp::SegmentRule>(
             std::make_unique<dp::internal::ConvolutionSegments>(options));
       })});
}

}  // namespace discreet
