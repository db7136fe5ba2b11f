#include "discreet/core/fields.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace discreet::core {
namespace {

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

bool has_type(const Json& value, FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return value.is_boolean();
    case FieldType::kInt:
      return value.is_number_integer();
    case FieldType::kDouble:
      return value.is_number() || value == "inf";
    case FieldType::kString:
      return value.is_string();
    case FieldType::kStrings:
      return value.is_array() &&
             std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
    case FieldType::kDoubles:
      return value.is_array() &&
             std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_number(); });
    case FieldType::kInts:
      return value.is_number_integer() ||
             (value.is_array() && std::all_of(value.begin(), value.end(),
                                              [](const Json& v) { return v.is_number_integer(); }));
  }
  return false;
}

bool in_range(double value, const FieldSpec& spec) {
  return !std::isnan(value) && (spec.above_min ? value > spec.min : value >= spec.min) &&
         (spec.below_max ? value < spec.max : value <= spec.max);
}

bool in_bounds(const Json& value, const FieldInfo& info) {
  const FieldSpec& spec = info.spec;
  switch (info.type) {
    case FieldType::kInt:
    case FieldType::kDouble:
      return in_range(to_double(value), spec);
    case FieldType::kInts:
      if (!value.is_array()) return in_range(to_double(value), spec);
      [[fallthrough]];
    case FieldType::kDoubles:
      return std::all_of(value.begin(), value.end(),
                         [&](const Json& v) { return in_range(v.get<double>(), spec); });
    case FieldType::kString:
      return spec.choices.empty() || std::find(spec.choices.begin(), spec.choices.end(),
                                               value.get<std::string>()) != spec.choices.end();
    case FieldType::kStrings:
      return spec.choices.empty() || std::all_of(value.begin(), value.end(), [&](const Json& v) {
               return std::find(spec.choices.begin(), spec.choices.end(), v.get<std::string>()) !=
                      spec.choices.end();
             });
    case FieldType::kBool:
      return true;
  }
  return true;
}

}  // namespace

std::string FieldInfo::type_name() const {
  switch (type) {
    case FieldType::kBool:
      return "true or false";
    case FieldType::kInt:
      return "integer";
    case FieldType::kDouble:
      return "number";
    case FieldType::kString:
      return "string";
    case FieldType::kStrings:
      return "list of strings";
    case FieldType::kDoubles:
      return "list of numbers";
    case FieldType::kInts:
      return "integer or list of integers";
  }
  return "";
}

std::string FieldInfo::bounds() const {
  if (!spec.choices.empty()) return fmt::format("one of: {}", fmt::join(spec.choices, ", "));
  const bool low = std::isfinite(spec.min), high = std::isfinite(spec.max);
  if (!low && !high) return "";
  if (low && high) {
    return fmt::format("{}{}, {}{}", spec.above_min ? '(' : '[', spec.min, spec.max,
                       spec.below_max ? ')' : ']');
  }
  if (low) return fmt::format("{} {}", spec.above_min ? ">" : ">=", spec.min);
  return fmt::format("{} {}", spec.below_max ? "<" : "<=", spec.max);
}

std::optional<std::string> nearest(const std::string& given,
                                   const std::vector<std::string>& names) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, given.size() / 3) + 1;
  for (const auto& name : names) {
    const std::size_t distance = edit_distance(given, name);
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

void check_field(const FieldInfo& info, const Json& value, const std::string& path,
                 const std::string& origin) {
  const std::string unit = info.spec.unit.empty() ? "" : " (" + info.spec.unit + ")";
  std::string expected = info.type_name();
  if (!info.bounds().empty()) expected += ", " + info.bounds();
  const bool typed = has_type(value, info.type);
  if (typed && in_bounds(value, info)) return;
  std::string hint = fmt::format("{}: {}", info.name, info.spec.doc);
  if (typed && info.type == FieldType::kString) {
    if (const auto near = nearest(value.get<std::string>(), info.spec.choices)) {
      hint = fmt::format("Did you mean \"{}\"?", *near);
    }
  }
  throw usage_error(
      fmt::format("{}: {} = {}: expected {}{}", origin, path, value.dump(), expected, unit), hint);
}

void check_keys(const Json& table, const std::vector<FieldInfo>& fields, const std::string& path,
                const Config& config, const std::vector<std::string>& also_allowed) {
  if (!table.is_object()) {
    throw usage_error(
        fmt::format("{}: '{}' is a table, got {}", config.origin(path), path, table.dump()),
        fmt::format("Write [{}] on a line of its own, keys below it.", path));
  }
  std::vector<std::string> names = also_allowed;
  for (const auto& field : fields) names.push_back(field.name);
  for (const auto& [key, value] : table.items()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    const std::string full = path.empty() ? key : path + "." + key;
    const auto near = nearest(key, names);
    throw usage_error(fmt::format("{}: unknown key '{}'", config.origin(full), full),
                      near ? fmt::format("Did you mean '{}'?", *near)
                           : fmt::format("Known keys: {}", fmt::join(names, ", ")));
  }
}

}  // namespace discreet::core
