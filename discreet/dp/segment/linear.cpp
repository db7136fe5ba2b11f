#include "discreet/core/registry.h"
#include "discreet/dp/internal/outer_products.h"

namespace discreet {

void register_segment_rule_linear(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "linear",
                .summary = "y = x W^T + b on rows: one product of dY and x",
                .reference = "Goodfellow 2015, arXiv 1510.01799; Rochette et al. 2019, arXiv 1912.06015",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions& options) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::OuterProductRule>(1, options));
                })});
}

}  // namespace discreet
