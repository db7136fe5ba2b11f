#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace discreet {

/// Documents keep their keys in the order in which they were written.
using Json = nlohmann::ordered_json;

namespace core {

/// Infinity as the string "inf" (JSON has no such number); NaN is refused, since it says nothing.
/// Throws: kInternal for NaN.
Json number(double value);

/// The reverse of `number`. Throws: kBadData if `value` is neither a number nor "inf" or "-inf".
double to_double(const Json& value);

/// An absent value: {"value": null, "reason": reason} is spelled in a document as null beside
/// "<key>_reason"; this sets both in `object`.
void set_absent(Json& object, const std::string& key, const std::string& reason);

/// Parses `text`; `origin` (a file, a flag) stands in the error. Throws: kBadData.
Json parse_json(const std::string& text, const std::string& origin);

}  // namespace core
}  // namespace discreet
