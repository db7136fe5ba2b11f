#include "discreet/core/config.h"

#include <algorithm>
#include <cctype>
#include <cmath>
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

/// Paths are written with dots, so a key that holds one could not be told from two.
void check_key(std::string_view key, const std::string& origin) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+';
  };
  if (!key.empty() && std::all_of(key.begin(), key.end(), fits)) return;
  const std::string shown = Json(key).dump(-1, ' ', true, Json::error_handler_t::replace);
  throw usage_error(fmt::format("{}: {} is not a key", origin, shown),
                    "A key has letters, digits, -, + and _ only.");
}

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
      if (std::isnan(node.as_floating_point()->get())) {
        throw usage_error(fmt::format("{}:{}: nan is no value", file, line));
      }
      return number(node.as_floating_point()->get());
    case toml::node_type::boolean:
      return node.as_boolean()->get();
    case toml::node_type::array: {
      Json array = Json::array();
      for (const auto& item : *node.as_array()) {
        if (item.is_table()) {
          throw usage_error(fmt::format("{}:{}: a list of tables is not a configuration value",
                                        file, item.source().begin.line));
        }
        array.push_back(to_json(item, "", file, origins));
      }
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
        check_key(key, fmt::format("{}:{}", file, position.line));
        table[key] = to_json(*node.as_table()->get(key), path.empty() ? key : path + "." + key,
                             file, origins);
      }
      return table;
    }
    default:
      throw usage_error(
          fmt::format("{}:{}: dates and times are not configuration values", file, line),
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

/// A value behind `--set` or in the environment: as TOML if it reads so, else (a word, a path, a
/// date) a string.
Json parse_scalar(const std::string& text, const std::string& origin) {
  try {
    // TOML wants a digit before the point, people do without.
    const bool pointed = text.size() > 1 && text[0] == '.' && std::isdigit(static_cast<unsigned char>(text[1])) != 0;
    const auto table = toml::parse((pointed ? "x = 0" : "x = ") + text);
    const toml::node& node = *table.get("x");
    if (table.size() != 1 || node.is_date() || node.is_time() || node.is_date_time()) return text;
    std::map<std::string, std::string> unused;
    return to_json(node, "", origin, unused);
  } catch (const toml::parse_error&) {
    try {
      (void)Json(text).dump();
    } catch (const Json::type_error&) {
      throw usage_error(fmt::format("{}: the value is not UTF-8", origin));
    }
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
      const std::string name = text.substr(0, equals);
      set(section + "." + key, parse_scalar(text.substr(equals + 1), name), name);
    }
  }
}

void Config::add_assignment(const std::string& assignment, const std::string& origin) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw usage_error(
        fmt::format("{} '{}' is not of the form section.key=value", origin, assignment),
        "For example: --set train.batch_size=64");
  }
  const std::string path = assignment.substr(0, equals);
  set(path, parse_scalar(assignment.substr(equals + 1), fmt::format("{} {}", origin, path)),
      fmt::format("{} {}", origin, assignment));
}

void Config::set(const std::string& path, Json value, const std::string& origin) {
  Json* node = &values_;
  const auto parts = split(path);
  for (const auto& part : parts) check_key(part, origin);
  if (parts.empty() || path.back() == '.') check_key("", origin);
  for (const auto& part : parts) {
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
    // JSON's escapes are a subset of those of TOML's basic strings, but TOML wants DEL escaped too.
    std::string text;
    for (const char c : value.dump())
      text += c == '\x7F' ? std::string("\\u007f") : std::string(1, c);
    return text;
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
    check_key(key, "configuration");
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
