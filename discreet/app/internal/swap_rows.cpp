#include "discreet/app/internal/swap_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "discreet/core/error.h"

namespace discreet::app::internal {
namespace {

/// Bytes of `word` that are `byte`: their highest bits; exact up to the first such byte.
constexpr std::uint64_t bytes_equal(std::uint64_t word, unsigned char byte) {
  const std::uint64_t x = word ^ (0x0101010101010101ULL * byte);
  return (x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL;
}

/// Place of the next quote or backslash from `i` on, with `controls` of the next control character too; else the size.
/// Eight bytes at a time: these searches are most of what JSON costs here.
template <bool controls>
std::size_t next_special(std::string_view text, std::size_t i) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; i + 8 <= text.size(); i += 8) {
      std::uint64_t word;
      std::memcpy(&word, text.data() + i, 8);
      std::uint64_t found = bytes_equal(word, '"') | bytes_equal(word, '\\');
      if (controls) found |= (word - 0x2020202020202020ULL) & ~word & 0x8080808080808080ULL;
      if (found != 0) return i + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
  }
  for (; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\' || (controls && byte < 0x20)) break;
  }
  return i;
}

/// Walks over a line of JSON without building it. Values that are not asked for are skipped by their brackets and
/// quotes alone.
class JsonWalker {
 public:
  JsonWalker(std::string_view line, const std::string& where) : line_(line), where_(where) {}

  void expect(char wanted) {
    blanks();
    if (at_ >= line_.size() || line_[at_] != wanted) fail(fmt::format("expected '{}'", wanted));
    ++at_;
  }
  bool accept(char wanted) {
    blanks();
    if (at_ >= line_.size() || line_[at_] != wanted) return false;
    ++at_;
    return true;
  }
  /// The bytes of a string with its quotes.
  std::string_view string() {
    blanks();
    const std::size_t begin = at_;
    expect('"');
    at_ = next_special<false>(line_, at_);
    while (at_ < line_.size() && line_[at_] == '\\') at_ = next_special<false>(line_, at_ + 2);
    if (at_ >= line_.size()) fail("a string that never ends");
    ++at_;
    return line_.substr(begin, at_ - begin);
  }
  bool is_string() {
    blanks();
    return at_ < line_.size() && line_[at_] == '"';
  }
  void skip_value() {
    int depth = 0;
    do {
      blanks();
      if (at_ >= line_.size()) fail("it ends early");
      const char c = line_[at_];
      if (c == '"') {
        string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
        continue;
      } else if (c == '}' || c == ']') {
        if (depth == 0) fail(fmt::format("a '{}' too many", c));
        --depth;
        ++at_;
      } else if (depth > 0 && (c == ',' || c == ':')) {
        ++at_;
        continue;
      } else {
        const std::size_t begin = at_;
        while (at_ < line_.size() && std::string_view(",:{}[]\" \t").find(line_[at_]) == std::string_view::npos) ++at_;
        if (at_ == begin) fail("expected a value");
      }
    } while (depth > 0);
  }
  void end() {
    blanks();
    if (at_ < line_.size()) fail("something stands behind the object");
  }
  std::size_t at() const { return at_; }
  [[noreturn]] void fail(const std::string& what) const {
    throw bad_data(fmt::format("{}: no JSON object: {} at byte {}", where_, what, at_ + 1), "Write one object a line.");
  }

 private:
  void blanks() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\r')) ++at_;
  }

  std::string_view line_;
  const std::string& where_;
  std::size_t at_ = 0;
};

void append_code_point(std::uint32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

/// Four hexadecimal digits, or nothing.
std::optional<std::uint32_t> hexadecimal(std::string_view digits) {
  if (digits.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : digits.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (digit < 0) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(digit);
  }
  return value;
}

/// The text of a JSON string. Most have no escapes; nlohmann's parser takes several times as long.
std::string_view unescaped(std::string_view quoted, std::string& buffer, const std::string& where) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside;
  constexpr std::string_view kLetters = "\"\\/bfnrt", kBytes = "\"\\/\b\f\n\r\t";
  buffer.clear();
  for (std::size_t i = 0; i < inside.size();) {
    const std::size_t escape = std::min(inside.find('\\', i), inside.size());
    buffer.append(inside.substr(i, escape - i));
    if (escape + 1 >= inside.size()) break;
    i = escape + 2;
    const char letter = inside[escape + 1];
    if (const std::size_t known = kLetters.find(letter); known != std::string_view::npos) {
      buffer += kBytes[known];
      continue;
    }
    auto code = letter == 'u' ? hexadecimal(inside.substr(i)) : std::nullopt;
    if (code) i += 4;
    if (code && *code >= 0xD800 && *code < 0xDC00 && inside.substr(i, 2) == "\\u") {
      const auto low = hexadecimal(inside.substr(i + 2));
      const bool pair = low && *low >= 0xDC00 && *low < 0xE000;
      code = pair ? std::optional(0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00)) : std::nullopt;
      i += 6;
    } else if (code && *code >= 0xD800 && *code < 0xE000) {
      code.reset();
    }
    if (!code) throw bad_data(fmt::format("{}: a string has an escape that JSON does not know", where));
    append_code_point(*code, buffer);
  }
  return buffer;
}

/// `text` as a JSON string with its quotes.
void append_escaped(std::string_view text, std::string& out) {
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = next_special<true>(text, 0); i < text.size(); i = next_special<true>(text, i + 1)) {
    const auto byte = static_cast<unsigned char>(text[i]);
    out.append(text.substr(copied, i - copied));
    copied = i + 1;
    constexpr std::string_view kBytes = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
    const std::size_t known = kBytes.find(text[i]);
    if (known != std::string_view::npos) {
      out += '\\';
      out += kLetters[known];
    } else {
      out += fmt::format("\\u{:04x}", byte);
    }
  }
  out.append(text.substr(copied));
  out += '"';
}

/// A cell in the form that it had: quotation marks within a cell that was none of the quoted ones stay as they are.
void append_cell(std::string_view text, char separator, bool quoted, bool bare_mark, std::string& out) {
  const bool needs = quoted || (text.starts_with('"') && !bare_mark) || text.find_first_of(std::string{separator, '\n', '\r'}) != std::string_view::npos;
  if (!needs) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

struct Cell {
  std::string_view raw;
  bool quoted;
};

std::vector<Cell> raw_cells(std::string_view row, char separator) {
  std::vector<Cell> cells;
  for (std::size_t begin = 0;;) {
    std::size_t end = begin;
    const bool quoted = begin < row.size() && row[begin] == '"';
    if (quoted) {
      ++end;
      while (end < row.size() && (row[end] != '"' || (end + 1 < row.size() && row[end + 1] == '"'))) {
        end += row[end] == '"' ? 2 : 1;
      }
      end = std::min(end + 1, row.size());
    }
    const bool closed = end >= row.size() || row[end] == separator;
    while (end < row.size() && row[end] != separator) ++end;
    cells.push_back({row.substr(begin, end - begin), quoted && closed});
    if (end >= row.size()) return cells;
    begin = end + 1;
  }
}

std::string cell_text(const Cell& cell) {
  if (!cell.quoted) return std::string(cell.raw);
  std::string text;
  for (std::size_t i = 1; i + 1 < cell.raw.size(); ++i) {
    text += cell.raw[i];
    if (cell.raw[i] == '"' && i + 2 < cell.raw.size() && cell.raw[i + 1] == '"') ++i;
  }
  return text;
}

}  // namespace

bool change_json_line(std::string_view line, const std::vector<std::string>& columns, const TextChange& change,
                      std::string& out, const std::string& where) {
  JsonWalker walker(line, where);
  std::string key_buffer, text_buffer, changed;
  std::vector<std::string> seen;
  std::size_t copied = 0;
  bool any = false;
  walker.expect('{');
  if (!walker.accept('}')) {
    do {
      const std::string_view key = unescaped(walker.string(), key_buffer, where);
      walker.expect(':');
      const auto column = std::find(columns.begin(), columns.end(), key);
      if (column == columns.end()) {
        walker.skip_value();
        continue;
      }
      if (!walker.is_string()) throw bad_data(fmt::format("{}: '{}' is not a string", where, *column));
      seen.push_back(*column);
      const std::string_view quoted = walker.string();
      changed.clear();
      if (!change(unescaped(quoted, text_buffer, where), changed)) continue;
      const auto begin = static_cast<std::size_t>(quoted.data() - line.data());
      out.append(line.substr(copied, begin - copied));
      append_escaped(changed, out);
      copied = begin + quoted.size();
      any = true;
    } while (walker.accept(','));
    walker.expect('}');
  }
  walker.end();
  for (const std::string& column : columns) {
    if (std::find(seen.begin(), seen.end(), column) == seen.end()) {
      throw bad_data(fmt::format("{}: no '{}'", where, column), "Name the columns of text with --column.");
    }
  }
  out.append(line.substr(copied));
  return any;
}

std::vector<std::string> separated_cells(std::string_view row, char separator) {
  std::vector<std::string> cells;
  for (const Cell& cell : raw_cells(row, separator)) cells.push_back(cell_text(cell));
  return cells;
}

bool ends_inside_quotes(std::string_view line, char separator, bool begins_inside) {
  bool inside = begins_inside;
  for (std::size_t i = 0; i < line.size();) {
    if (!inside) {  // at a cell's beginning
      inside = line[i] == '"';
      if (inside) ++i;
    }
    while (inside && i < line.size()) {
      i = line.find('"', i);
      if (i == std::string_view::npos) return true;
      inside = i + 1 < line.size() && line[i + 1] == '"';
      i += inside ? 2 : 1;
    }
    if (inside) return true;
    const std::size_t next = line.find(separator, i);
    if (next == std::string_view::npos) return false;
    i = next + 1;
  }
  return inside;
}

bool change_separated_row(std::string_view row, char separator, std::size_t cells, const std::vector<std::size_t>& places,
                          const TextChange& change, std::string& out, const std::string& where) {
  const std::vector<Cell> found = raw_cells(row, separator);
  if (found.size() != cells) {
    throw bad_data(fmt::format("{}: row of {} cells, expected {} as in the first row", where, found.size(), cells),
                   "Quote cells that contain the separator.");
  }
  bool any = false;
  std::string changed;
  for (std::size_t c = 0; c < found.size(); ++c) {
    if (c > 0) out += separator;
    changed.clear();
    const bool asked = std::find(places.begin(), places.end(), c) != places.end();
    if (asked && change(cell_text(found[c]), changed)) {
      append_cell(changed, separator, found[c].quoted, found[c].raw.starts_with('"'), out);
      any = true;
    } else {
      out += found[c].raw;
    }
  }
  return any;
}

}  // namespace discreet::app::internal
