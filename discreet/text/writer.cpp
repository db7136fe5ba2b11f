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

void SquadWriter::append(const Example& example, std::string& out) {
  if (!begun_) {
    out += "{\"version\":\"v2.0\",\"data\":[{\"title\":\"questions\",\"paragraphs\":[\n";
  }
  if (!begun_ || example.text != text_) {
    if (begun_) out += "]},\n";
    out += "{\"context\":";
    append_string(example.text, out);
    out += ",\"qas\":[\n";
    text_ = example.text;
  } else {
    out += ",\n";
  }
  begun_ = true;
  out += "{\"id\":";
  const auto id = example.extra.find("id");
  append_string(id == example.extra.end() ? std::to_string(example.line) : id->second, out);
  out += ",\"question\":";
  append_string(example.question, out);
  out += ",\"answers\":[";
  for (std::size_t i = 0; i < example.answers.size(); ++i) {
    if (i > 0) out += ',';
    out += "{\"text\":";
    append_string(example.answers[i], out);
    const auto begin = static_cast<std::size_t>(example.answer_begins[i]);
    const std::string_view before = std::string_view(example.text).substr(0, begin);
    const auto code_points = std::count_if(before.begin(), before.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    });
    out += fmt::format(",\"answer_start\":{}}}", code_points);
  }
  out += fmt::format("],\"is_impossible\":{}}}", example.answers.empty());
}

void SquadWriter::finish(std::string& out) {
  if (begun_) {
    out += "]}";
  } else {
    out += "{\"version\":\"v2.0\",\"data\":[{\"title\":\"questions\",\"paragraphs\":[";
  }
  out += "]}]}\n";
}

}  // namespace discreet::text
