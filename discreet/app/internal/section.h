#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "discreet/core/error.h"

#include "discreet/core/registry.h"

namespace discreet::app {

/// The keys of a section whose values several parts read. Throws: kInternal if two of them claim one key, as each
/// would then read, and write into a run's configuration, what was meant for the other.
inline std::vector<core::FieldInfo> one_section(const std::string& name,
                                                const std::vector<std::vector<core::FieldInfo>>& parts) {
  std::vector<core::FieldInfo> fields;
  std::set<std::string> names;
  for (const auto& part : parts) {
    for (const core::FieldInfo& field : part) {
      if (!names.insert(field.name).second) throw internal_error("two parts of [" + name + "] claim the key " + field.name);
      fields.push_back(field);
    }
  }
  return fields;
}

/// Registers a section of the configuration (kind "section"); the top level is the section "task".
inline void add_section(core::Registry& registry, const std::string& name,
                        const std::string& summary, std::vector<core::FieldInfo> fields) {
  registry.add({.kind = "section",
                .name = name.empty() ? "task" : name,
                .summary = summary,
                .fields = std::move(fields)});
}

}  // namespace discreet::app
