#include "discreet/core/json_schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <regex>
#include <string_view>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

constexpr std::array<std::string_view, 32> kKnown = {"type",
                                                     "enum",
                                                     "const",
                                                     "minimum",
                                                     "maximum",
                                                     "exclusiveMinimum",
                                                     "exclusiveMaximum",
                                                     "minLength",
                                                     "maxLength",
                                                     "pattern",
                                                     "items",
                                                     "minItems",
                                                     "maxItems",
                                                     "properties",
                                                     "required",
                                                     "additionalProperties",
                                                     "patternProperties",
                                                     "minProperties",
                                                     "maxProperties",
                                                     "anyOf",
                                                     "oneOf",
                                                     "allOf",
                                                     "not",
                                                     "$ref",
                                                     "$schema",
                                                     "$id",
                                                     "$comment",
                                                     "title",
                                                     "description",
                                                     "default",
                                                     "examples",
                                                     "definitions"};

// Through $ref; a schema that refers to itself without end stops here too.
constexpr int kMaxDepth = 200;
// std::regex recurses over its input.
constexpr std::size_t kMaxMatchedBytes = 4096;

bool is_type(const Json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  if (type == "integer") {
    return value.is_number_integer() ||
           (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>());
  }
  throw internal_error(fmt::format("schema: no type is called '{}'", type));
}

/// As it stands in an error: whole if short.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

/// The length of a string in code points, as the standard counts it.
std::size_t code_points(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

class SchemaChecker {
 public:
  SchemaChecker(const Json& root, const SchemaLookup& lookup) : root_(&root), lookup_(lookup) {}

  void check(const Json& schema, const Json& value, const std::string& path) {
    if (schema.is_boolean()) {
      if (!schema.get<bool>()) fail(path, "must not stand here");
      return;
    }
    refuse_unknown_keywords(schema);
    // Draft 7: what stands beside $ref is ignored.
    if (schema.contains("$ref")) return follow(schema["$ref"].get<std::string>(), value, path);
    if (!check_type(schema, value, path)) return;
    check_values(schema, value, path);
    if (value.is_number()) check_number(schema, value.get<double>(), path);
    if (value.is_string()) check_string(schema, value.get<std::string>(), path);
    if (value.is_array()) check_array(schema, value, path);
    if (value.is_object()) check_object(schema, value, path);
    check_combinations(schema, value, path);
  }

  std::vector<std::string> take() { return std::move(problems_); }

 private:
  void fail(const std::string& path, const std::string& what) {
    problems_.push_back(fmt::format("{}: {}", path.empty() ? "(document)" : path, what));
  }

  static void refuse_unknown_keywords(const Json& schema) {
    for (const auto& [key, unused] : schema.items()) {
      if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end()) {
        throw internal_error(fmt::format("schema: keyword '{}' is not supported", key));
      }
    }
  }

  void follow(const std::string& ref, const Json& value, const std::string& path) {
    const auto hash = ref.find('#');
    const std::string file = ref.substr(0, hash);
    const Json* before = root_;
    if (!file.empty()) {
      root_ = lookup_ ? lookup_(file) : nullptr;
      if (root_ == nullptr) throw internal_error(fmt::format("schema: no file '{}'", ref));
    }
    const std::string pointer = hash == std::string::npos ? "" : ref.substr(hash + 1);
    const Json* target = nullptr;
    try {
      target = &root_->at(Json::json_pointer(pointer));
    } catch (const Json::exception&) {
      throw internal_error(fmt::format("schema: '{}' leads nowhere", ref));
    }
    if (depth_ == kMaxDepth) {
      fail(path, "is nested too deeply");
    } else {
      ++depth_;
      check(*target, value, path);
      --depth_;
    }
    root_ = before;
  }

  bool check_type(const Json& schema, const Json& value, const std::string& path) {
    if (!schema.contains("type")) return true;
    const Json& type = schema["type"];
    const auto fits = [&](const Json& one) { return is_type(value, one.get<std::string>()); };
    if (type.is_array() ? std::any_of(type.begin(), type.end(), fits) : fits(type)) return true;
    std::string expected;
    for (const auto& one : type.is_array() ? type : Json::array({type})) {
      expected += (expected.empty() ? "" : " or ") + one.get<std::string>();
    }
    fail(path, fmt::format("expected {}, got {}", expected, shown(value)));
    return false;
  }

  void check_values(const Json& schema, const Json& value, const std::string& path) {
    if (schema.contains("const") && schema["const"] != value) {
      fail(path, fmt::format("expected {}, got {}", shown(schema["const"]), shown(value)));
    }
    if (!schema.contains("enum")) return;
    const Json& choices = schema["enum"];
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      fail(path, fmt::format("expected one of {}, got {}", shown(choices), shown(value)));
    }
  }

  void check_number(const Json& schema, double value, const std::string& path) {
    const auto bound = [&](const char* key, const char* sign, auto holds) {
      if (schema.contains(key) && !holds(value, schema[key].get<double>())) {
        fail(path, fmt::format("expected {} {}, got {}", sign, shown(schema[key]), value));
      }
    };
    bound("minimum", ">=", std::greater_equal<>());
    bound("maximum", "<=", std::less_equal<>());
    bound("exclusiveMinimum", ">", std::greater<>());
    bound("exclusiveMaximum", "<", std::less<>());
  }

  void check_size(const Json& schema, std::size_t size, const std::string& path,
                  const std::array<const char*, 3>& names) {
    const auto [least, most, unit] = names;
    if (schema.contains(least) && size < schema[least].get<std::size_t>()) {
      fail(path, fmt::format("expected at least {} {}, got {}", shown(schema[least]), unit, size));
    }
    if (schema.contains(most) && size > schema[most].get<std::size_t>()) {
      fail(path, fmt::format("expected at most {} {}, got {}", shown(schema[most]), unit, size));
    }
  }

  void check_string(const Json& schema, const std::string& value, const std::string& path) {
    check_size(schema, code_points(value), path, {"minLength", "maxLength", "characters"});
    if (schema.contains("pattern") &&
        (value.size() > kMaxMatchedBytes ||
         !std::regex_search(value, std::regex(schema["pattern"].get<std::string>())))) {
      fail(path,
           fmt::format("expected a match of {}, got {}", shown(schema["pattern"]), shown(value)));
    }
  }

  void check_array(const Json& schema, const Json& value, const std::string& path) {
    check_size(schema, value.size(), path, {"minItems", "maxItems", "items"});
    if (!schema.contains("items")) return;
    for (std::size_t i = 0; i < value.size(); ++i) {
      check(schema["items"], value[i], join(path, std::to_string(i)));
    }
  }

  void check_object(const Json& schema, const Json& value, const std::string& path) {
    check_size(schema, value.size(), path, {"minProperties", "maxProperties", "keys"});
    if (schema.contains("required")) {
      for (const auto& key : schema["required"]) {
        if (!value.contains(key.get<std::string>()))
          fail(join(path, key.get<std::string>()), "is missing");
      }
    }
    for (const auto& [key, item] : value.items())
      check_property(schema, key, item, join(path, key));
  }

  void check_property(const Json& schema, const std::string& key, const Json& item,
                      const std::string& path) {
    bool named = false;
    if (schema.contains("properties") && schema["properties"].contains(key)) {
      named = true;
      check(schema["properties"][key], item, path);
    }
    if (schema.contains("patternProperties")) {
      for (const auto& [pattern, rule] : schema["patternProperties"].items()) {
        if (key.size() > kMaxMatchedBytes || !std::regex_search(key, std::regex(pattern))) continue;
        named = true;
        check(rule, item, path);
      }
    }
    if (named || !schema.contains("additionalProperties")) return;
    const Json& rule = schema["additionalProperties"];
    if (rule == false) {
      fail(path, "is not a key of this schema");
    } else {
      check(rule, item, path);
    }
  }

  /// What checking one alternative would add, without adding it.
  std::vector<std::string> trial(const Json& schema, const Json& value, const std::string& path) {
    SchemaChecker other(*root_, lookup_);
    other.depth_ = depth_;
    other.check(schema, value, path);
    return other.take();
  }

  void check_combinations(const Json& schema, const Json& value, const std::string& path) {
    for (const char* key : {"anyOf", "oneOf"}) {
      if (!schema.contains(key)) continue;
      std::vector<std::string> reasons;
      std::size_t fits = 0;
      for (const auto& choice : schema[key]) {
        const auto found = trial(choice, value, path);
        if (found.empty()) {
          ++fits;
        } else {
          reasons.push_back(found.front());
        }
      }
      if (fits == 0) {
        fail(path, fmt::format("fits no alternative ({})", fmt::join(reasons, "; ")));
      } else if (fits > 1 && std::string_view(key) == "oneOf") {
        fail(path, fmt::format("fits {} alternatives, expected one", fits));
      }
    }
    if (schema.contains("allOf")) {
      for (const auto& rule : schema["allOf"]) check(rule, value, path);
    }
    if (schema.contains("not") && trial(schema["not"], value, path).empty()) {
      fail(path, fmt::format("{} is excluded", shown(value)));
    }
  }

  static std::string join(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "/" + key;
  }

  const Json* root_;
  const SchemaLookup& lookup_;
  int depth_ = 0;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> schema_problems(const Json& schema, const Json& value,
                                         const SchemaLookup& lookup) {
  SchemaChecker checker(schema, lookup);
  checker.check(schema, value, "");
  return checker.take();
}

}  // namespace discreet::core
