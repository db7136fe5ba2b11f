#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/dp/mechanism.h"

namespace discreet {

void register_mechanism_dp_sgd(core::Registry& registry) {
  registry.add({.kind = "mechanism",
                .name = "dp-sgd",
                .summary = "each unit's gradient is clipped, the sum of a Poisson batch gets noise",
                .reference = "Abadi et al. 2016, Algorithm 1",
                .fields = {},
                .make = dp::MakePlan([](dp::PrivacyOptions options) {
                  if (options.slots != 0) {
                    throw usage_error("mechanism 'dp-sgd' has no slots",
                                      "Slots belong to the mechanism 'edp-sgd'.");
                  }
                  return std::make_unique<dp::PrivatePlan>(std::move(options));
                })});
}

}  // namespace discreet
