#include "discreet/core/config.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"

extern char** environ;

namespace discreet::core {
namespace {

Json to_json(const toml::node& node, const std::string& path, const std::string& file,
             std::map<std::string, std::string>& origins) {
  const auto line = node.source().begin.line;
  if (line > 0 && !path.empty()) origins[path] = fmt::format("{}:{}", file, line);
  switch (node.type()) {
    case toml::node_type::string:
      return node.as_string()->get();
    case toml::node_type::integer:
      return node.as_integer()->get();
    case toml::node_type::floating_point:
      return number(node.as_floating_point()->get());
    case toml::node_type::boolean:
      return node.as_boolean()->get();
    case toml::node_type::array: {
      Json array = Json::array();
      for (const auto& item : *node.as_array()) array.push_back(to_json(item, "", file, origins));
      return array;
    }
    case toml::node_type::table: {
      Json table = Json::object();
      // toml++ sorts keys; the order in the file is the order of their positions.
      std::vector<std::pair<toml::source_position, std::string>> order;
      for (const auto& [key, value] : *node.as_table()) {
        order.emplace_back(key.source().begin, std::string(key.str()));
      }
      std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
        return std::pair(a.first.line, a.first.column) < std::pair(b.first.line, b.first.column);
      });
      for (const auto& [position, key] : order) {
        table[key] = to_json(*node.as_table()->get(key), path.empty() ? key : path + "." + key,
                             file, origins);
      }
      return table;
    }
    default:
      throw usage_error(fmt::format("{}:{}: dates and times are not configuration values", file, line),
                        "Write the value as a string.");
  }
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::stringstream stream(path);
  for (std::string part; std::getline(stream, part, '.');) parts.push_back(part);
  return parts;
}

void merge(Json& into, const Json& from) {
  for (const auto& [key, value] : from.items()) {
    if (value.is_object() && into.contains(key) && into[key].is_object()) {
      merge(into[key], value);
    } else {
      into[key] = value;
    }
  }
}

Json parse_scalar(const std::string& text) {
  try {
    const auto table = toml::parse("x = " + text);
    std::map<std::string, std::string> unused;
    return to_json(*table.get("x"), "", "", unused);
  } catch (const toml::parse_error&) {
    return text;
  }
}

}  // namespace

void Config::add_toml_text(std::string_view text, const std::string& origin) {
  try {
    const toml::table table = toml::parse(text, origin);
    merge(values_, to_json(table, "", origin, origins_));
  } catch (const toml::parse_error& e) {
    throw usage_error(fmt::format("{}:{}: {}", origin, e.source().begin.line, e.description()),
                      "The configuration is TOML: key = value, strings in double quotes.");
  }
}

void Config::add_toml_file(const std::string& path) { add_toml_text(read_file(path), path); }

void Config::add_environment(const std::vector<std::string>& sections) {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    for (const auto& section : sections) {
      std::string prefix = "DISCREET_" + section + "_";
      std::transform(prefix.begin(), prefix.end(), prefix.begin(), ::toupper);
      if (text.rfind(prefix, 0) != 0 || equals <= prefix.size()) continue;
      std::string key = text.substr(prefix.size(), equals - prefix.size());
      std::transform(key.begin(), key.end(), key.begin(), ::tolower);
      set(section + "." + key, parse_scalar(text.substr(equals + 1)), text.substr(0, equals));
    }
  }
}

void Config::add_assignment(const std::string& assignment, const std::string& origin) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw usage_error(fmt::format("{} '{}' is not of the form section.key=value", origin, assignment),
                      "For example: --set train.batch_size=64");
  }
  set(assignment.substr(0, equals), parse_scalar(assignment.substr(equals + 1)),
      fmt::format("{} {}", origin, assignment));
}

void Config::set(const std::string& path, Json value, const std::string& origin) {
  Json* node = &values_;
  for (const auto& part : split(path)) {
    if (!node->is_object()) {
      throw usage_error(fmt::format("{}: '{}' lies inside a value, not a table", origin, path));
    }
    node = &(*node)[part];
    if (node->is_null()) *node = Json::object();
  }
  *node = std::move(value);
  origins_[path] = origin;
}

const Json& Config::at(const std::string& path) const {
  static const Json kNull;
  const Json* node = &values_;
  for (const auto& part : split(path)) {
    if (!node->is_object() || !node->contains(part)) return kNull;
    node = &(*node)[part];
  }
  return *node;
}

std::string Config::origin(const std::string& path) const {
  const auto found = origins_.find(path);
  return found == origins_.end() ? "default" : found->second;
}

namespace {

std::string scalar(const Json& value) {
  if (value.is_string()) {
    if (value == "inf" || value == "-inf") return value.get<std::string>();
    return value.dump();  // JSON's escapes are a subset of TOML's basic strings
  }
  if (value.is_array()) {
    std::string text = "[";
    for (std::size_t i = 0; i < value.size(); ++i) text += (i ? ", " : "") + scalar(value[i]);
    return text + "]";
  }
  return value.dump();
}

void write_table(const Json& table, const std::string& path, std::string& out) {
  for (const auto& [key, value] : table.items()) {
    if (!value.is_object() && !value.is_null()) out += key + " = " + scalar(value) + "\n";
  }
  for (const auto& [key, value] : table.items()) {
    if (!value.is_object()) continue;
    const std::string name = path.empty() ? key : path + "." + key;
    out += "\n[" + name + "]\n";
    write_table(value, name, out);
  }
}

}  // namespace

std::string to_toml(const Json& values) {
  std::string out;
  write_table(values, "", out);
  return out;
}

}  // namespace discreet::core
