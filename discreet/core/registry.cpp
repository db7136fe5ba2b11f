#include "discreet/core/registry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace discreet {
void register_all_accountant(core::Registry&);
void register_all_attack(core::Registry&);
void register_all_compression(core::Registry&);
void register_all_partition(core::Registry&);
void register_all_perturbation(core::Registry&);
void register_all_projection(core::Registry&);
void register_all_reader(core::Registry&);
void register_all_section(core::Registry&);
void register_all_labels(core::Registry&);
void register_all_selection(core::Registry&);
void register_all_strategy(core::Registry&);
void register_all_study(core::Registry&);
void register_all_tokenizer(core::Registry&);
}  // namespace discreet

namespace discreet::core {

void Registry::add(Entry entry) {
  const std::string kind = entry.kind, name = entry.name;
  if (!entries_[kind].emplace(name, std::move(entry)).second) {
    throw internal_error(fmt::format("{} '{}' is registered twice", kind, name));
  }
}

bool Registry::contains(const std::string& kind, const std::string& name) const {
  const auto found = entries_.find(kind);
  return found != entries_.end() && found->second.count(name) > 0;
}

const Entry& Registry::find(const std::string& kind, const std::string& name) const {
  if (contains(kind, name)) return entries_.at(kind).at(name);
  std::vector<std::string> names;
  for (const Entry* entry : list(kind)) names.push_back(entry->name);
  const auto near = nearest(name, names);
  throw usage_error(fmt::format("no {} is called '{}'", kind, name),
                    near ? fmt::format("Did you mean '{}'?", *near)
                         : fmt::format("Known: {}", fmt::join(names, ", ")));
}

std::vector<const Entry*> Registry::list(const std::string& kind) const {
  std::vector<const Entry*> found;
  const auto of_kind = entries_.find(kind);
  if (of_kind == entries_.end()) return found;
  for (const auto& [name, entry] : of_kind->second) found.push_back(&entry);
  return found;
}

std::vector<std::string> Registry::kinds() const {
  std::vector<std::string> names;
  for (const auto& [kind, entries] : entries_) names.push_back(kind);
  return names;
}

Registry& registry() {
  static Registry* instance = [] {
    auto* r = new Registry;
    register_all_accountant(*r);
    register_all_attack(*r);
    register_all_compression(*r);
    register_all_partition(*r);
    register_all_perturbation(*r);
    register_all_projection(*r);
    register_all_reader(*r);
    register_all_section(*r);
    register_all_labels(*r);
    register_all_selection(*r);
    register_all_strategy(*r);
    register_all_study(*r);
    register_all_tokenizer(*r);
    return r;
  }();
  return *instance;
}

}  // namespace discreet::core
