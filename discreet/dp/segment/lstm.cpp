#include "discreet/core/registry.h"
#include "discreet/dp/internal/outer_products.h"

namespace discreet {

// Both weights and the bias meet the same gate gradients, so one Gram of these serves all three.
void register_segment_rule_lstm(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "lstm",
                .summary = "one direction of one LSTM layer: products of the gate gradients with x and h",
                .reference = "Hochreiter and Schmidhuber 1997 for the cell",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions& options) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::OuterProductRule>(2, options));
                })});
}

}  // namespace discreet
