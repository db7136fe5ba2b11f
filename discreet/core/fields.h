#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "discreet/core/config.h"
#include "discreet/core/error.h"
#include "discreet/core/json.h"

namespace discreet::core {

enum class FieldType { kBool, kInt, kDouble, kString, kStrings, kDoubles, kInts };

/// What a field may hold and how it is explained: written once, used for parsing, errors, `--help`,
/// `discreet explain`, docs/reference.md and the manifest.
struct FieldSpec {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;            ///< The minimum itself is excluded.
  bool below_max = false;            ///< The maximum itself is excluded.
  std::vector<std::string> choices;  ///< Allowed strings; for an enum, in the order of its values.
  std::string unit;                  ///< "examples", "seconds"; empty for none.
  std::string doc;                   ///< One or two sentences.
  std::string reference;             ///< Paper and equation, if any.
};

struct FieldInfo {
  std::string name;
  FieldType type = FieldType::kString;
  Json default_value;  ///< Null: absent unless given.
  FieldSpec spec;

  std::string type_name() const;
  /// "(0, 1]", "one of: a, b", or empty.
  std::string bounds() const;
};

/// The nearest of `names` to `given` by edit distance, if near enough to suggest.
std::optional<std::string> nearest(const std::string& given, const std::vector<std::string>& names);

/// Throws kUsage, naming origin, path, value and what was expected.
void check_field(const FieldInfo& info, const Json& value, const std::string& path,
                 const std::string& origin);
/// Throws kUsage if `table` has a key that no field bears; names the nearest.
void check_keys(const Json& table, const std::vector<FieldInfo>& fields, const std::string& path,
                const Config& config, const std::vector<std::string>& also_allowed = {});

namespace internal {
template <class V>
struct IsOptional : std::false_type {};
template <class V>
struct IsOptional<std::optional<V>> : std::true_type {};

template <class V>
constexpr FieldType field_type() {
  if constexpr (IsOptional<V>::value) {
    return field_type<typename V::value_type>();
  } else if constexpr (std::is_same_v<V, bool>) {
    return FieldType::kBool;
  } else if constexpr (std::is_enum_v<V>) {
    return FieldType::kString;
  } else if constexpr (std::is_integral_v<V>) {
    return FieldType::kInt;
  } else if constexpr (std::is_floating_point_v<V>) {
    return FieldType::kDouble;
  } else if constexpr (std::is_same_v<V, std::string>) {
    return FieldType::kString;
  } else if constexpr (std::is_same_v<V, std::vector<std::string>>) {
    return FieldType::kStrings;
  } else if constexpr (std::is_same_v<V, std::vector<std::int64_t>>) {
    return FieldType::kInts;
  } else {
    static_assert(std::is_same_v<V, std::vector<double>>, "no such field type");
    return FieldType::kDoubles;
  }
}

template <class V>
V from_json(const Json& value, const FieldSpec& spec) {
  if constexpr (IsOptional<V>::value) {
    return from_json<typename V::value_type>(value, spec);
  } else if constexpr (std::is_enum_v<V>) {
    for (std::size_t i = 0; i < spec.choices.size(); ++i) {
      if (value == spec.choices[i]) return static_cast<V>(i);
    }
    throw internal_error("enum value escaped its check");
  } else if constexpr (std::is_floating_point_v<V>) {
    return static_cast<V>(to_double(value));
  } else if constexpr (std::is_same_v<V, std::vector<std::int64_t>>) {
    return value.is_array() ? value.get<V>() : V{value.get<std::int64_t>()};
  } else {
    return value.get<V>();
  }
}

template <class V>
Json to_json(const V& value, const FieldSpec& spec) {
  if constexpr (IsOptional<V>::value) {
    return value ? to_json(*value, spec) : Json();
  } else if constexpr (std::is_enum_v<V>) {
    return spec.choices.at(static_cast<std::size_t>(value));
  } else if constexpr (std::is_floating_point_v<V>) {
    return number(value);
  } else {
    return value;
  }
}
}  // namespace internal

/// The one description of an options struct.
///
///   const Fields<TrainOptions>& fields() {
///     static const auto fields = Fields<TrainOptions>("train")
///         .add("batch_size", &TrainOptions::batch_size,
///              {.min = 1, .unit = "examples", .doc = "Examples per step."});
///     return fields;
///   }
///
/// Member types: bool, integers, double, string, enum (with choices), vector<string>,
/// vector<double>, vector<int64_t> (a single integer is a list of one), and optional of these.
/// Defaults are the struct's own initialisers. An empty section name means the top level.
template <class T>
class Fields {
 public:
  explicit Fields(std::string section) : section_(std::move(section)) {}

  template <class V>
  Fields& add(const std::string& name, V T::*member, FieldSpec spec) {
    FieldInfo info{name, internal::field_type<V>(), internal::to_json(T{}.*member, spec), spec};
    infos_.push_back(info);
    readers_.push_back([member, spec](T& options, const Json& value) {
      options.*member = internal::from_json<V>(value, spec);
    });
    writers_.push_back(
        [member, spec](const T& options) { return internal::to_json(options.*member, spec); });
    return *this;
  }

  /// Reads config.at(section). Keys in `also_allowed` belong to somebody else's fields.
  T parse(const Config& config, const std::vector<std::string>& also_allowed = {}) const {
    T options{};
    const Json& table = config.at(section_);
    if (table.is_null()) return options;
    check_keys(table, infos_, section_, config, also_allowed);
    for (std::size_t i = 0; i < infos_.size(); ++i) {
      if (!table.contains(infos_[i].name)) continue;
      const std::string path = section_.empty() ? infos_[i].name : section_ + "." + infos_[i].name;
      const Json& value = table[infos_[i].name];
      check_field(infos_[i], value, path, config.origin(path));
      readers_[i](options, value);
    }
    return options;
  }

  /// Every field with its value, unset optionals left out.
  Json dump(const T& options) const {
    Json table = Json::object();
    for (std::size_t i = 0; i < infos_.size(); ++i) {
      Json value = writers_[i](options);
      if (!value.is_null()) table[infos_[i].name] = std::move(value);
    }
    return table;
  }

  const std::string& section() const { return section_; }
  const std::vector<FieldInfo>& info() const { return infos_; }

 private:
  std::string section_;
  std::vector<FieldInfo> infos_;
  std::vector<std::function<void(T&, const Json&)>> readers_;
  std::vector<std::function<Json(const T&)>> writers_;
};

}  // namespace discreet::core
