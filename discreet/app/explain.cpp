#include "discreet/app/explain.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

using core::Entry;
using core::FieldInfo;

void load_if_built() {
  std::error_code ignored;
  if (std::filesystem::exists(tensor_library_path(), ignored)) load_tensor_library();
}

bool has_kind(const std::string& kind) {
  const auto kinds = core::registry().kinds();
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

Json describe(const FieldInfo& field) {
  Json row = {{"name", field.name}, {"type", field.type_name()}, {"default", field.default_value},
              {"bounds", field.bounds()}, {"unit", field.spec.unit}, {"doc", field.spec.doc},
              {"reference", field.spec.reference}};
  return row;
}

Json describe(const Entry& entry) {
  Json fields = Json::array();
  for (const auto& field : entry.fields) fields.push_back(describe(field));
  return {{"kind", entry.kind}, {"name", entry.name}, {"summary", entry.summary},
          {"reference", entry.reference}, {"fields", fields}};
}

Json describe_key(const Entry& section, const FieldInfo& field) {
  return {{"kind", "key"},
          {"name", section.name == "task" ? field.name : section.name + "." + field.name},
          {"summary", field.spec.doc},
          {"reference", field.spec.reference},
          {"fields", Json::array({describe(field)})}};
}

/// Entries and keys of that name among what is registered now.
Json find_named(const std::string& name) {
  Json results = Json::array();
  for (const auto& kind : core::registry().kinds()) {
    for (const Entry* entry : core::registry().list(kind)) {
      if (entry->name == name || kind + "/" + entry->name == name) results.push_back(describe(*entry));
      if (kind != "section") continue;
      for (const auto& field : entry->fields) {
        if (entry->name + "." + field.name == name) results.push_back(describe_key(*entry, field));
      }
    }
  }
  return results;
}

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const auto& kind : core::registry().kinds()) {
    for (const Entry* entry : core::registry().list(kind)) {
      names.push_back(entry->name);
      if (kind != "section") continue;
      for (const auto& field : entry->fields) names.push_back(entry->name + "." + field.name);
    }
  }
  return names;
}

std::string default_of(const Json& field) {
  return field["default"].is_null() ? "none" : field["default"].dump();
}

/// "integer, >= 1, examples"
std::string type_of(const Json& field) {
  std::vector<std::string> parts;
  for (const char* key : {"type", "bounds", "unit"}) {
    if (!field[key].get<std::string>().empty()) parts.push_back(field[key]);
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string title_of(const std::string& kind) {
  std::string title = kind;
  std::replace(title.begin(), title.end(), '_', ' ');
  title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

}  // namespace

Json list_entries(const std::string& kind) {
  // Operations may stand in either library; other kinds of the base are complete without libtorch.
  if (kind.empty() || kind == "operation" || !has_kind(kind)) load_if_built();
  if (!kind.empty() && !has_kind(kind)) {
    const auto kinds = core::registry().kinds();
    const auto near = core::nearest(kind, kinds);
    throw usage_error(fmt::format("no kind is called '{}'", kind),
                      near ? fmt::format("Did you mean '{}'?", *near)
                           : fmt::format("Known kinds: {}", fmt::join(kinds, ", ")));
  }
  Json rows = Json::array();
  for (const auto& known : core::registry().kinds()) {
    if (!kind.empty() && known != kind) continue;
    for (const Entry* entry : core::registry().list(known)) {
      rows.push_back({{"kind", known}, {"name", entry->name}, {"summary", entry->summary}});
    }
  }
  return rows;
}

Json explain(const std::string& name) {
  Json results = find_named(name);
  if (results.empty()) {
    load_if_built();
    results = find_named(name);
  }
  if (!results.empty()) return results;
  const auto near = core::nearest(name, known_names());
  throw usage_error(fmt::format("nothing is called '{}'", name),
                    near ? fmt::format("Did you mean '{}'?", *near)
                         : "`discreet list` names everything; a key is written section.key.");
}

Json explain_all() {
  load_if_built();
  Json results = Json::array();
  for (const auto& kind : core::registry().kinds()) {
    if (kind == "operation") continue;  // the inside of verbs: `discreet VERB --help` explains them
    for (const Entry* entry : core::registry().list(kind)) results.push_back(describe(*entry));
  }
  return results;
}

std::string explanation_as_text(const Json& results) {
  std::string text;
  for (const auto& result : results) {
    if (!text.empty()) text += "\n";
    text += fmt::format("{} {}\n  {}\n", result["kind"].get<std::string>(),
                        result["name"].get<std::string>(), result["summary"].get<std::string>());
    const bool is_key = result["kind"] == "key";
    if (!is_key && result["reference"] != "") {
      text += fmt::format("  Reference: {}\n", result["reference"].get<std::string>());
    }
    for (const auto& field : result["fields"]) {
      const std::string facts =
          fmt::format("{}; default {}", type_of(field), default_of(field));
      if (is_key) {
        text += "  " + facts + "\n";
      } else {
        text += fmt::format("  {}: {}\n      {}\n", field["name"].get<std::string>(), facts,
                            field["doc"].get<std::string>());
      }
      if (field["reference"] != "") {
        text += fmt::format("{}Reference: {}\n", is_key ? "  " : "      ",
                            field["reference"].get<std::string>());
      }
    }
  }
  return text;
}

std::string explanation_as_markdown(const Json& results) {
  std::string text =
      "# Reference\n\nWritten by `discreet explain --all --markdown` (`make docs`): everything that "
      "is registered, and every\nkey of a configuration. A key is set in a file, by "
      "`DISCREET_SECTION_KEY`, or by `--set section.key=value`.\n";
  std::string kind;
  for (const auto& result : results) {
    if (result["kind"] != kind) {
      kind = result["kind"];
      text += fmt::format("\n## {}\n", title_of(kind));
    }
    text += fmt::format("\n### {}\n\n{}\n", result["name"].get<std::string>(),
                        result["summary"].get<std::string>());
    if (result["reference"] != "") {
      text += fmt::format("\nReference: {}\n", result["reference"].get<std::string>());
    }
    if (result["fields"].empty()) continue;
    text += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
    for (const auto& field : result["fields"]) {
      std::string doc = field["doc"];
      if (field["reference"] != "") doc += " (" + field["reference"].get<std::string>() + ")";
      text += fmt::format("| `{}` | {} | {} | {} |\n", field["name"].get<std::string>(),
                          cell(type_of(field)), cell(default_of(field)), cell(doc));
    }
  }
  return text;
}

}  // namespace discreet::app
