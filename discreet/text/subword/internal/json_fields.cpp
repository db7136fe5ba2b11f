#include "discreet/text/subword/internal/json_fields.h"

#include <fmt/format.h>

#include <cstring>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/aligned.h"

namespace discreet::text::subword {

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  return text;
}

std::string item_text(const Json& item, const std::string& where) {
  if (!item.is_string()) throw bad_data(fmt::format("{}: expected a text, got {}", where, shown(item)));
  return item.get<std::string>();
}

JsonFields::JsonFields(const Json& json, std::string where) : json_(&json), where_(std::move(where)) {
  if (!json.is_object()) {
    throw bad_data(fmt::format("{}: expected an object, got {}", where_, shown(json)));
  }
}

bool JsonFields::has(const char* key) const {
  const auto found = json_->find(key);
  return found != json_->end() && !found->is_null();
}

const Json& JsonFields::get(const char* key, const char* expected) const {
  const auto found = json_->find(key);
  if (found == json_->end()) {
    throw bad_data(fmt::format("{}: '{}' is missing, expected {}", where_, key, expected));
  }
  return *found;
}

void JsonFields::fail(const char* key, const std::string& expected) const {
  const auto found = json_->find(key);
  throw bad_data(fmt::format("{}: {} = {}: expected {}", where_, key,
                             found == json_->end() ? "nothing" : shown(*found), expected));
}

void JsonFields::refuse(const std::string& what) const {
  throw bad_data(fmt::format("{}: {}", where_, what));
}

bool JsonFields::boolean(const char* key) const {
  const Json& value = get(key, "true or false");
  if (!value.is_boolean()) fail(key, "true or false");
  return value.get<bool>();
}

bool JsonFields::boolean(const char* key, bool otherwise) const {
  return has(key) ? boolean(key) : otherwise;
}

std::string JsonFields::text(const char* key) const {
  const Json& value = get(key, "a text");
  if (!value.is_string()) fail(key, "a text");
  return value.get<std::string>();
}

std::string JsonFields::text(const char* key, const std::string& otherwise) const {
  return has(key) ? text(key) : otherwise;
}

std::int64_t JsonFields::integer(const char* key, std::int64_t low, std::int64_t high) const {
  const std::string expected = fmt::format("a whole number from {} to {}", low, high);
  const Json& value = get(key, expected.c_str());
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX);
  if (!fits || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high) fail(key, expected);
  return value.get<std::int64_t>();
}

char32_t JsonFields::character(const char* key) const {
  const std::string value = text(key);
  if (count_code_points(value) != 1) fail(key, "one character");
  std::size_t at = 0;
  return read_code_point(value, at);
}

const Json& JsonFields::list(const char* key) const {
  const Json& value = get(key, "a list");
  if (!value.is_array()) fail(key, "a list");
  return value;
}

const Json& JsonFields::object(const char* key) const {
  const Json& value = get(key, "an object");
  if (!value.is_object()) fail(key, "an object");
  return value;
}

void JsonFields::only(std::initializer_list<const char*> known) const {
  for (const auto& [key, value] : json_->items()) {
    bool found = key == "type";
    for (const char* name : known) found = found || key == name;
    if (!found) refuse(fmt::format("option '{}' is not known", key.substr(0, 80)));
  }
}

}  // namespace discreet::text::subword
