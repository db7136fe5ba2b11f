#pragma once

#include <string>
#include <utility>
#include <vector>

#include "discreet/core/registry.h"

namespace discreet::app {

/// Registers a section of the configuration (kind "section"); the top level is the section "task".
inline void add_section(core::Registry& registry, const std::string& name,
                        const std::string& summary, std::vector<core::FieldInfo> fields) {
  registry.add({.kind = "section",
                .name = name.empty() ? "task" : name,
                .summary = summary,
                .fields = std::move(fields)});
}

}  // namespace discreet::app
