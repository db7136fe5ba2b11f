#include "discreet/core/registry.h"
#include "discreet/dp/internal/affine_rows.h"

namespace discreet {

void register_segment_rule_group_norm(core::Registry& registry) {
  registry.add({.kind = "segment_rule",
                .name = "group_norm",
                .summary = "y = gamma xhat + beta with an example's own statistics: instantiated",
                .reference = "Wu and He 2018",
                .fields = {},
                .make = dp::MakeSegmentRule([](const dp::RuleOptions&) {
                  return std::unique_ptr<dp::SegmentRule>(
                      std::make_unique<dp::internal::AffineRowsRule>("group_norm"));
                })});
}

}  // namespace discreet
