#include "discreet/core/json.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::core {

Json number(double value) {
  if (std::isnan(value)) throw internal_error("NaN cannot stand in a document");
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double to_double(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "inf") return INFINITY;
  if (value == "-inf") return -INFINITY;
  throw bad_data(fmt::format("expected a number or \"inf\", got {}", value.dump()));
}

void set_absent(Json& object, const std::string& key, const std::string& reason) {
  object[key] = nullptr;
  object[key + "_reason"] = reason;
}

Json parse_json(const std::string& text, const std::string& origin) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    throw bad_data(fmt::format("{}: not valid JSON at byte {}", origin, e.byte), e.what());
  }
}

}  // namespace discreet::core
