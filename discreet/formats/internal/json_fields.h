#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/json.h"

namespace discreet::formats::internal {

/// A JSON object in a file from elsewhere. Throws: kRuntime; kBadData for a file that is larger
/// than `max_bytes` (before it is read), not JSON, or no object.
Json read_json_object(const std::filesystem::path& path, std::uintmax_t max_bytes);

/// A value as it may stand in an error: ASCII, at most 80 bytes.
std::string shown_json(const Json& value);

struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

/// Reads the fields of a flat JSON object into typed variables; together with JsonFieldWriter one
/// function that names the fields gives both directions:
///
///   template <class Fields> void describe(Fields& fields, Options& options) {
///     fields("num_beams", options.beams, {1, 4096});
///   }
///
/// An absent key leaves the variable as it is; null empties an optional or a list, is false for a
/// bool, and an error elsewhere. A list of integers may be a single integer. `alias` is another
/// name of the same key; if both are there they must agree.
class JsonFieldReader {
 public:
  JsonFieldReader(const Json& object, std::string origin)
      : object_(object), origin_(std::move(origin)) {}

  template <class V>
  void operator()(const char* key, V& value, Range range = {}, const char* alias = nullptr) {
    const Json* json = find(key, alias);
    if (json != nullptr) read(key, *json, value, range);
  }

  /// The value of `key`, which counts as known from now on; nullptr if absent.
  const Json* find(const char* key, const char* alias = nullptr);
  /// Counts as known without being looked at.
  void skip(const std::string& key) { known_.insert(key); }
  /// What no call has asked for.
  Json unknown() const;
  Error fail(const std::string& key, const Json& value, const std::string& expected) const;
  const std::string& origin() const { return origin_; }

 private:
  template <class V>
  void read(const char* key, const Json& json, std::optional<V>& value, Range range) {
    if (json.is_null()) {
      value.reset();
      return;
    }
    V inner{};
    read(key, json, inner, range);
    value = inner;
  }
  void read(const char* key, const Json& json, bool& value, Range range);
  void read(const char* key, const Json& json, std::int64_t& value, Range range);
  void read(const char* key, const Json& json, double& value, Range range);
  void read(const char* key, const Json& json, std::string& value, Range range);
  void read(const char* key, const Json& json, std::vector<std::int64_t>& value, Range range);
  void read(const char* key, const Json& json, std::vector<std::string>& value, Range range);

  const Json& object_;
  std::string origin_;
  std::set<std::string> known_;
};

/// The other direction: an empty optional or list is null, a list of one integer that integer.
class JsonFieldWriter {
 public:
  explicit JsonFieldWriter(Json& object) : object_(object) {}

  template <class V>
  void operator()(const char* key, V& value, Range = {}, const char* = nullptr) {
    object_[key] = value;
  }
  template <class V>
  void operator()(const char* key, std::optional<V>& value, Range = {}, const char* = nullptr) {
    object_[key] = value ? Json(*value) : Json();
  }
  void operator()(const char* key, std::vector<std::int64_t>& value, Range = {},
                  const char* = nullptr) {
    object_[key] = value.empty() ? Json() : value.size() == 1 ? Json(value[0]) : Json(value);
  }
  void operator()(const char* key, std::vector<std::string>& value, Range = {},
                  const char* = nullptr) {
    object_[key] = value.empty() ? Json() : Json(value);
  }

 private:
  Json& object_;
};

}  // namespace discreet::formats::internal
