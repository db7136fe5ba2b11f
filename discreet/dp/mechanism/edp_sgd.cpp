#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/dp/mechanism.h"

namespace discreet {

void register_mechanism_edp_sgd(core::Registry& registry) {
  registry.add({.kind = "mechanism",
                .name = "edp-sgd",
                .summary = "a Poisson batch falls into slots by a keyed hash; each slot's mean gradient "
                           "is clipped, by layer as a rule; sensitivity 2 C",
                .reference = "Dupuy et al. 2022, arXiv 2107.14586, in our reading (docs/edp-sgd.md)",
                .fields = {},
                .make = dp::MakePlan([](dp::PrivacyOptions options) {
                  if (options.slots < 1) {
                    throw usage_error("mechanism 'edp-sgd' needs slots, got " +
                                          std::to_string(options.slots),
                                      "Say into how many parts a batch falls, for example 16.");
                  }
                  return std::make_unique<dp::PrivatePlan>(std::move(options));
                })});
}

}  // namespace discreet
