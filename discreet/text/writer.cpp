#include "discreet/text/writer.h"

#include <fmt/format.h>

#include <algorithm>

namespace discreet::text {
namespace {

void append_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_key(std::string_view key, std::string& out) {
  if (out.back() != '{') out += ',';
  append_string(key, out);
  out += ':';
}

void append_array(std::string_view key, const std::vector<std::string>& items, std::string& out) {
  append_key(key, out);
  out += '[';
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ',';
    append_string(items[i], out);
  }
  out += ']';
}

bool is_whole_number(std::string_view text) {
  return !text.empty() && text.size() < 10 && (text[0] != '0' || text.size() == 1) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

void append_jsonl(const Example& example, std::string& out) {
  out += '{';
  if (example.words.empty()) {
    append_key("text", out);
    append_string(example.text, out);
  } else {
    append_array("words", example.words, out);
  }
  if (!example.tags.empty()) append_array("tags", example.tags, out);
  const auto append_named = [&](std::string_view key, const std::string& value) {
    append_key(key, out);
    append_string(value, out);
  };
  if (!example.label.empty()) append_named("intent", example.label);
  if (!example.user.empty()) append_named("user", example.user);
  for (const auto& [key, value] : example.groups) append_named(key, value);
  for (const auto& [key, value] : example.extra) {
    append_key(key, out);
    if (is_whole_number(value)) {
      out += value;
    } else {
      append_string(value, out);
    }
  }
  out += "}\n";
}

}  // namespace discreet::text
