#pragma once

#include "discreet/core/registry.h"

namespace discreet {
void register_all_model(core::Registry&);
void register_all_segment_rule(core::Registry&);
}  // namespace discreet

namespace discreet::dp {

/// The program's registry with models and rules in it; other tests of this binary may have put them
/// there already.
inline core::Registry& tensor_registry() {
  core::Registry& registry = core::registry();
  if (!registry.contains("model", "bow")) register_all_model(registry);
  if (!registry.contains("segment_rule", "linear")) register_all_segment_rule(registry);
  return registry;
}

}  // namespace discreet::dp
