#include "discreet/report/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace discreet::report {
namespace {

/// Length of the valid UTF-8 sequence at `at`, 0 if there is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 && first < 0xf5   ? 4
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xc2 && first < 0xe0 ? 2
                                                             : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  const bool bad = (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
                   (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
  return bad ? 0 : length;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    const char c = text[at];
    if (length == 0) {
      safe += "\xef\xbf\xbd";
    } else if (length > 1) {
      safe += text.substr(at, length);
    } else if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else if (c == '"') {
      safe += "&quot;";
    } else if (c == '\'') {
      safe += "&#39;";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      safe += c == '\n' || c == '\t' ? " " : "\xef\xbf\xbd";
    } else {
      safe += c;
    }
    at += std::max<std::size_t>(length, 1);
  }
  return safe;
}

std::string thousands(std::int64_t value) {
  std::string digits = std::to_string(std::abs(value));
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  if (value < 0) digits.insert(digits.begin(), '-');
  return digits;
}

std::string show(double value) {
  if (std::isnan(value)) return "n/a";
  if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
  const double size = std::abs(value);
  if (value == std::floor(value) && size < 1e15) return thousands(static_cast<std::int64_t>(value));
  if (size >= 1000) return thousands(std::llround(value));
  if (size >= 10) return fmt::format("{:.1f}", value);
  if (size >= 1) return fmt::format("{:.2f}", value);
  if (size >= 0.001) return fmt::format("{:.3f}", value);
  return fmt::format("{:.2g}", value);
}

std::string show(const Json& value) {
  if (value == "inf") return "∞";
  if (value == "-inf") return "-∞";
  if (value.is_number_integer()) return thousands(value.get<std::int64_t>());
  return value.is_number() ? show(value.get<double>()) : "n/a";
}

std::string show_upper(const Json& value) {
  if (!value.is_number()) return show(value);
  const double bound = value.get<double>();
  if (!(bound > 0)) return show(bound);
  // Three digits, upwards; a bound that has no more is left as it is.
  const double unit = std::pow(10, std::floor(std::log10(bound)) - 2);
  const double up = std::ceil(bound / unit * (1 - 1e-12)) * unit;
  return up >= 1000 ? thousands(std::llround(up)) : fmt::format("{:.3g}", up);
}

std::string show_interval(const Json& ci) {
  if (!ci.is_array() || ci.size() != 2) return "";
  return fmt::format(" [{}, {}]", show(ci[0]), show(ci[1]));
}

std::string spaced(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

}  // namespace discreet::report
