#pragma once

#include <string>
#include <string_view>

#include "discreet/core/json.h"

namespace discreet::report {

/// `text` for HTML content and quoted attributes: & < > " ' escaped, control characters and bytes
/// that are not UTF-8 replaced. Every string that comes from data, paths or configuration goes
/// through it.
std::string escape(std::string_view text);

/// "0.975", "1,234", "7.99", "1.2e-05", "∞"; "n/a" for anything that is no number.
std::string show(const Json& value);
std::string show(double value);
/// An upper bound: rounded up, so that what is read is still a bound. 2.2301 -> "2.24".
std::string show_upper(const Json& value);
/// " [0.961, 0.985]", or nothing without an interval.
std::string show_interval(const Json& ci);
/// 13084 -> "13,084".
std::string thousands(std::int64_t value);
/// "intent_accuracy" -> "intent accuracy".
std::string spaced(std::string_view name);

}  // namespace discreet::report
