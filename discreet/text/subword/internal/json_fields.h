#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/json.h"

namespace discreet::text::subword {

/// A component of tokenizer.json and its place ("FILE: normalizer.normalizers[2]"), read key by key.
/// Every reading names place, key, what was found and what was expected (kBadData).
class JsonFields {
 public:
  /// Throws if `json` is not an object.
  JsonFields(const Json& json, std::string where);

  const Json& json() const { return *json_; }
  const std::string& where() const { return where_; }
  /// The key is there and not null.
  bool has(const char* key) const;
  bool boolean(const char* key, bool otherwise) const;
  bool boolean(const char* key) const;
  std::string text(const char* key) const;
  std::string text(const char* key, const std::string& otherwise) const;
  std::int64_t integer(const char* key, std::int64_t low, std::int64_t high) const;
  /// A text of exactly one code point.
  char32_t character(const char* key) const;
  const Json& list(const char* key) const;
  const Json& object(const char* key) const;
  /// Refuses keys that are neither "type" nor in `known`.
  void only(std::initializer_list<const char*> known) const;
  [[noreturn]] void fail(const char* key, const std::string& expected) const;
  [[noreturn]] void refuse(const std::string& what) const;
  std::string at(const char* key) const { return where_ + "." + key; }

 private:
  const Json& get(const char* key, const char* expected) const;
  const Json* json_;
  std::string where_;
};

/// A JSON value as it may stand in an error.
std::string shown(const Json& value);
/// A text of JSON that is UTF-8 (nlohmann-json checks it).
std::string item_text(const Json& item, const std::string& where);

/// What a Sequence lists under `key`, each made by `make`(JSON, place, number in the list). `depth` is the
/// Sequence's own. Throws: kBadData for sequences nested too deeply and for a component that is null.
template <class Make>
auto read_sequence(const JsonFields& f, const char* key, int depth, Make&& make) {
  constexpr int kDeepest = 16;
  f.only({key});
  if (depth >= kDeepest) f.refuse("sequences are nested too deeply");
  const Json& list = f.list(key);
  std::vector<decltype(make(list, std::string(), std::size_t{0}))> steps;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = f.at(key) + "[" + std::to_string(i) + "]";
    auto step = make(list[i], place, i);
    if (step == nullptr) throw bad_data(place + ": expected an object, got null");
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace discreet::text::subword
