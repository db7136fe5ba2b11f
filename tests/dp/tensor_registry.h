#pragma once

#include "discreet/core/registry.h"

namespace discreet {
void register_all_model(core::Registry&);
void register_all_architecture(core::Registry&);
void register_all_segment_rule(core::Registry&);
void register_all_clipping(core::Registry&);
void register_all_mechanism(core::Registry&);
}  // namespace discreet

namespace discreet::dp {

/// The program's registry with models and rules in it; other tests of this binary may have put them
/// there already.
inline core::Registry& tensor_registry() {
  core::Registry& registry = core::registry();
  if (!registry.contains("model", "bow")) register_all_model(registry);
  if (!registry.contains("architecture", "bert")) register_all_architecture(registry);
  if (!registry.contains("segment_rule", "linear")) register_all_segment_rule(registry);
  if (!registry.contains("clipping", "flat")) register_all_clipping(registry);
  if (!registry.contains("mechanism", "dp-sgd")) register_all_mechanism(registry);
  return registry;
}

}  // namespace discreet::dp
