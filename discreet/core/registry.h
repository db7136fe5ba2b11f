#pragma once

#include <any>
#include <map>
#include <string>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"

namespace discreet::core {

/// One registered thing: an accountant, a reader, a layer rule, a model, an operation.
struct Entry {
  std::string kind;               ///< "accountant"
  std::string name;               ///< "prv"
  std::string summary;            ///< One line for `discreet list`.
  std::string reference;          ///< Paper and theorem, or empty.
  std::vector<FieldInfo> fields;  ///< Its options, for `discreet explain` and docs/reference.md.
  std::any make;                  ///< A function pointer; its type is set by the kind's header.
};

/// Names to things. Filled by the generated `register_all_<kind>` functions, in a fixed order.
class Registry {
 public:
  /// Throws: kInternal if kind and name are taken.
  void add(Entry entry);
  bool contains(const std::string& kind, const std::string& name) const;
  /// Throws: kUsage naming the nearest known name.
  const Entry& find(const std::string& kind, const std::string& name) const;
  /// Entries of a kind by name; empty if there is no such kind.
  std::vector<const Entry*> list(const std::string& kind) const;
  std::vector<std::string> kinds() const;

  /// The function of an entry, as the type that its kind's header states.
  template <class Function>
  Function make(const std::string& kind, const std::string& name) const {
    const auto* function = std::any_cast<Function>(&find(kind, name).make);
    if (function == nullptr) throw internal_error(kind + " '" + name + "' has another type");
    return *function;
  }

 private:
  std::map<std::string, std::map<std::string, Entry>> entries_;
};

/// The program's registry: the base's entries; libdiscreet adds its own when it is loaded.
Registry& registry();

}  // namespace discreet::core
