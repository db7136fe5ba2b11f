#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::core {

/// Configuration values as nested tables, and where each leaf came from, so that an error can say
/// `recipes/snips.toml:12` or `--set train.steps=x`.
///
/// Keys have letters, digits, - and _ only; values are booleans, numbers, strings and lists of
/// these. Precedence (each overrides the one before): defaults of the fields, files in order,
/// environment DISCREET_SECTION_KEY, `--set section.key=value`, flags.
class Config {
 public:
  /// Throws: kUsage with file and line for a syntax error; kRuntime when the file cannot be read.
  void add_toml_file(const std::string& path);
  void add_toml_text(std::string_view text, const std::string& origin);
  /// DISCREET_TRAIN_BATCH_SIZE=64 sets train.batch_size, for the sections named.
  void add_environment(const std::vector<std::string>& sections);
  /// `assignment` is "a.b=value"; value is read as TOML, else (also a date) taken as a string.
  void add_assignment(const std::string& assignment, const std::string& origin = "--set");
  void set(const std::string& path, Json value, const std::string& origin);

  /// The table or value at `path` ("train.batch_size"); null if absent.
  const Json& at(const std::string& path) const;
  const Json& values() const { return values_; }
  /// Where the value at `path` was given; "default" if it was not.
  std::string origin(const std::string& path) const;

 private:
  Json values_ = Json::object();
  std::map<std::string, std::string> origins_;
};

/// `values` as TOML text that `add_toml_text` reads back equal; tables in their order.
std::string to_toml(const Json& values);

}  // namespace discreet::core
