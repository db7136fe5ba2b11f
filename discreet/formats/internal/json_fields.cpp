#include "discreet/formats/internal/json_fields.h"

#include <cmath>

#include "discreet/core/files.h"

namespace discreet::formats::internal {
namespace {

std::string range_text(Range range) {
  const bool low = std::isfinite(range.min), high = std::isfinite(range.max);
  if (low && high) return fmt::format(" from {} to {}", range.min, range.max);
  if (low) return fmt::format(" of at least {}", range.min);
  if (high) return fmt::format(" of at most {}", range.max);
  return "";
}

bool in_range(double value, Range range) { return value >= range.min && value <= range.max; }

}  // namespace

Json read_json_object(const std::filesystem::path& path, std::uintmax_t max_bytes) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (!error && bytes > max_bytes) {
    throw bad_data(fmt::format("{}: has {} bytes; a file of this kind has at most {}",
                               path.string(), bytes, max_bytes));
  }
  Json json = core::parse_json(core::read_file(path), path.string());
  if (!json.is_object()) throw bad_data(fmt::format("{}: is no JSON object", path.string()));
  return json;
}

std::string shown_json(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80);
}

const Json* JsonFieldReader::find(const char* key, const char* alias) {
  known_.insert(key);
  auto found = object_.find(key);
  if (alias == nullptr) return found == object_.end() ? nullptr : &*found;
  known_.insert(alias);
  const auto other = object_.find(alias);
  if (other == object_.end()) return found == object_.end() ? nullptr : &*found;
  if (found != object_.end() && *found != *other) {
    throw bad_data(fmt::format("{}: {} is {} and {}, another name of it, is {}", origin_, key,
                               shown_json(*found), alias, shown_json(*other)));
  }
  return &*other;
}

Json JsonFieldReader::unknown() const {
  Json rest = Json::object();
  for (const auto& [key, value] : object_.items()) {
    if (known_.count(key) == 0) rest[key] = value;
  }
  return rest;
}

Error JsonFieldReader::fail(const std::string& key, const Json& value,
                            const std::string& expected) const {
  return bad_data(
      fmt::format("{}: {} = {}: expected {}", origin_, key, shown_json(value), expected));
}

void JsonFieldReader::read(const char* key, const Json& json, bool& value, Range) {
  if (!json.is_boolean() && !json.is_null()) throw fail(key, json, "true or false");
  value = json.is_boolean() && json.get<bool>();
}

void JsonFieldReader::read(const char* key, const Json& json, std::int64_t& value, Range range) {
  const bool huge = json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX;
  if (!json.is_number_integer() || huge ||
      !in_range(static_cast<double>(json.get<std::int64_t>()), range)) {
    throw fail(key, json, "an integer" + range_text(range));
  }
  value = json.get<std::int64_t>();
}

void JsonFieldReader::read(const char* key, const Json& json, double& value, Range range) {
  if (!json.is_number() || !std::isfinite(json.get<double>()) ||
      !in_range(json.get<double>(), range)) {
    throw fail(key, json, "a number" + range_text(range));
  }
  value = json.get<double>();
}

void JsonFieldReader::read(const char* key, const Json& json, std::string& value, Range) {
  if (!json.is_string()) throw fail(key, json, "text");
  value = json.get<std::string>();
}

void JsonFieldReader::read(const char* key, const Json& json, std::vector<std::int64_t>& value,
                           Range range) {
  value.clear();
  if (json.is_null()) return;
  if (!json.is_array()) {
    read(key, json, value.emplace_back(), range);
    return;
  }
  for (const Json& item : json) read(key, item, value.emplace_back(), range);
}

void JsonFieldReader::read(const char* key, const Json& json, std::vector<std::string>& value,
                           Range range) {
  value.clear();
  if (json.is_null()) return;
  if (!json.is_array()) throw fail(key, json, "a list of texts");
  for (const Json& item : json) read(key, item, value.emplace_back(), range);
}

}  // namespace discreet::formats::internal
