#include "discreet/core/registry.h"
#include "discreet/dp/ftrl_plan.h"
#include "discreet/dp/mechanism.h"

namespace discreet {

void register_mechanism_dp_ftrl(core::Registry& registry) {
  registry.add(
      {.kind = "mechanism",
       .name = "dp-ftrl",
       .summary = "each unit's gradient is clipped, noise is correlated over the steps by a banded "
                  "matrix or a tree; units come in a fixed public order, no sampling assumption",
       .reference = "Kairouz et al. 2021 (DP-FTRL); Choquette-Choo et al. 2023 (banded matrices)",
       .fields = {},
       .make = dp::MakePlan([](dp::PrivacyOptions options) -> std::unique_ptr<dp::PrivatePlan> {
         return std::make_unique<dp::FtrlPlan>(std::move(options));
       })});
}

}  // namespace discreet
