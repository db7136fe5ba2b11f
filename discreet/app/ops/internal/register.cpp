#include "discreet/core/registry.h"

namespace discreet {

void register_all_segment_rule(core::Registry&);
void register_all_clipping(core::Registry&);
void register_all_mechanism(core::Registry&);
void register_all_combination(core::Registry&);
void register_all_model(core::Registry&);
void register_all_architecture(core::Registry&);
void register_all_extraction(core::Registry&);
void register_all_operation(core::Registry&);

}  // namespace discreet

/// What app/loader.cpp calls after it has loaded this library: one name with C linkage, so that no
/// mangled name is written down anywhere.
extern "C" void discreet_register(discreet::core::Registry& registry) {
  discreet::register_all_segment_rule(registry);
  discreet::register_all_clipping(registry);
  discreet::register_all_mechanism(registry);
  discreet::register_all_combination(registry);
  discreet::register_all_model(registry);
  discreet::register_all_architecture(registry);
  discreet::register_all_extraction(registry);
  discreet::register_all_operation(registry);
}
