#include "discreet/core/registry.h"
#include "discreet/dp/internal/outer_products.h"
#include "discreet/dp/internal/uses.h"

namespace discreet {
namespace dp::internal {
namespace {

/// The input's side (W_ih, b_ih with x) and the state's side (W_hh, b_hh with h) of the gates.
/// Their gradients agree for reset and update and differ for the candidate, so that each side is a
/// linear layer of its own.
class GruSegments final : public dp::SegmentRule {
 public:
  explicit GruSegments(const dp::RuleOptions& options)
      : sides_{OuterProductRule(1, options), OuterProductRule(1, options)} {}

  void add_squared_norms(std::vector<nn::Use> uses, std::span<double> squared) override {
    for (nn::Use& use : uses) check_use(use, {4, 2, 2}, squared.size());
    for (std::size_t side = 0; side < 2; ++side) {
      const auto& params = uses.front().params;
      active_[side] = params[side].defined() || params[2 + side].defined();
      if (!active_[side]) continue;
      std::vector<nn::Use> linear;
      for (const nn::Use& use : uses) {
        linear.push_back({use.kind,
                          {use.params[side], use.params[2 + side]},
                          {use.inputs[side]},
                          {use.gradients[side]},
                          use.segments});
      }
      sides_[side].add_squared_norms(std::move(linear), squared);
    }
  }

  void add_clipped_sum(std::span<const double> factors,
                       std::span<dp::GradientSink* const> sinks) override {
    for (std::size_t side = 0; side < 2; ++side) {
      if (!active_[side]) continue;
      dp::GradientSink* const pair[] = {sinks[side], sinks[2 + side]};
      sides_[side].add_clipped_sum(factors, pair);
    }
  }

 private:
  OuterProductRule sides_[2];
  bool active_[2] = {false, false};
};

}  // namespace
}  // namespace dp::internal

void register_segment_rule_gru(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "gru",
                .summary = "one direction of one GRU layer: products of both sides' gate gradients",
                .reference = "Cho et al. 2014 for the cell",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions& options) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::GruSegments>(options));
                })});
}

}  // namespace discreet
