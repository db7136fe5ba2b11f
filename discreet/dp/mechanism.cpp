#include "discreet/dp/mechanism.h"

#include "discreet/core/registry.h"

namespace discreet::dp {

std::unique_ptr<PrivatePlan> make_plan(PrivacyOptions options) {
  const auto make = core::registry().make<MakePlan>("mechanism", options.mechanism);
  return make(std::move(options));
}

}  // namespace discreet::dp
