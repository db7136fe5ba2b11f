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

namespace {

// Printing and checking a value recurse over it; nobody's document is this deep, an attack's may
// be.
constexpr int kMaxNesting = 500;

/// The byte at which brackets nest too deeply, or npos.
std::size_t too_deep(const std::string& text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxNesting) return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string::npos;
}

}  // namespace

Json parse_json(const std::string& text, const std::string& origin) {
  if (const std::size_t byte = too_deep(text); byte != std::string::npos) {
    throw bad_data(
        fmt::format("{}: nested more than {} deep at byte {}", origin, kMaxNesting, byte + 1));
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& e) {
    // "[json.exception.parse_error.101] parse error at line 1, column 1: what was wrong"
    const std::string what = e.what();
    const std::size_t place = what.find(": ");
    const std::string around = text.substr(e.byte < 2 ? 0 : e.byte - 2, 4);
    if (around.find("NaN") != std::string::npos || around.find("Inf") != std::string::npos || around.find("nan") != std::string::npos) {
      throw bad_data(fmt::format("{}: not valid JSON at byte {}", origin, e.byte),
                     "JSON has no NaN and no Infinity: write null where there is no number.");
    }
    throw bad_data(fmt::format("{}: not valid JSON at byte {}", origin, e.byte),
                   place == std::string::npos ? what : what.substr(place + 2));
  } catch (const Json::exception& e) {
    // A number beyond the range of double is no parse error there.
    throw bad_data(fmt::format("{}: not readable JSON: {}", origin, e.what()));
  }
}

}  // namespace discreet::core
