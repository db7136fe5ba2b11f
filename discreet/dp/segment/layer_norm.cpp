#include "discreet/core/registry.h"
#include "discreet/dp/internal/affine_rows.h"

namespace discreet {

void register_segment_rule_layer_norm(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "layer_norm",
                .summary = "y = gamma xhat + beta on rows: instantiated",
                .reference = "",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions&) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::AffineRowsRule>("layer_norm"));
                })});
}

}  // namespace discreet
