#include "discreet/text/subword/internal/byte_level.h"

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/code_points.h"

namespace discreet::text::subword {
namespace {

struct SpelledBytes {
  std::array<std::array<char, 2>, 256> utf8;
  std::array<std::uint8_t, 256> size;
};

const SpelledBytes& spelling() {
  static const SpelledBytes table = [] {
    SpelledBytes t{};
    for (std::size_t b = 0; b < 256; ++b) {
      const std::string s = to_utf8(byte_characters()[b]);
      t.size[b] = static_cast<std::uint8_t>(s.size());
      for (std::size_t i = 0; i < s.size(); ++i) t.utf8[b][i] = s[i];
    }
    return t;
  }();
  return table;
}

// Length of 's 't 're 've 'm 'll 'd at the front, or 0.
std::size_t contraction(std::string_view s) {
  if (s.size() < 2 || s[0] != '\'') return 0;
  switch (s[1]) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return s.size() > 2 && s[2] == 'e' ? 3 : 0;
    case 'l':
      return s.size() > 2 && s[2] == 'l' ? 3 : 0;
    default:
      return 0;
  }
}

}  // namespace

const std::array<char32_t, 256>& byte_characters() {
  static const std::array<char32_t, 256> characters = [] {
    std::array<char32_t, 256> c{};
    char32_t next = 256;
    for (char32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      c[b] = printable ? b : next++;
    }
    return c;
  }();
  return characters;
}

int byte_of_character(char32_t c) {
  static const std::array<std::int16_t, 324> bytes = [] {
    std::array<std::int16_t, 324> table;
    table.fill(-1);
    for (std::size_t b = 0; b < 256; ++b) table[byte_characters()[b]] = static_cast<std::int16_t>(b);
    return table;
  }();
  return c < bytes.size() ? bytes[c] : -1;
}

void spell_bytes(const Aligned& from, std::size_t begin, std::size_t end, Aligned& out) {
  const SpelledBytes& table = spelling();
  for (std::size_t i = begin; i < end; ++i) {
    const auto b = static_cast<unsigned char>(from.text()[i]);
    out.append(std::string_view(table.utf8[b].data(), table.size[b]), from, i);
  }
}

std::string spelled_bytes(std::string_view bytes) {
  const SpelledBytes& table = spelling();
  std::string out;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out.append(table.utf8[b].data(), table.size[b]);
  }
  return out;
}

bool unspell_bytes(std::string_view characters, std::string& bytes) {
  const std::size_t before = bytes.size();
  for (std::size_t at = 0; at < characters.size();) {
    const int b = byte_of_character(read_code_point(characters, at));
    if (b < 0) {
      bytes.resize(before);
      return false;
    }
    bytes += static_cast<char>(b);
  }
  return true;
}

void gpt2_pieces(std::string_view text, std::vector<std::uint32_t>& ends) {
  const std::uint16_t* classes = class_table();
  constexpr std::uint16_t kKinds = kLetter | kNumber | kSpace;
  const auto kind_at = [&](std::size_t& at) -> std::uint16_t {
    return classes[read_code_point(text, at)] & kKinds;
  };
  const std::size_t size = text.size();
  std::size_t at = 0;
  while (at < size) {
    if (const std::size_t n = contraction(text.substr(at, 3)); n != 0) {
      at += n;
      ends.push_back(static_cast<std::uint32_t>(at));
      continue;
    }
    // A space goes with the letters, digits or signs that follow it.
    std::size_t next = at;
    std::uint16_t kind = kind_at(next);
    if (text[at] == ' ' && next < size) {
      std::size_t behind = next;
      const std::uint16_t following = kind_at(behind);
      if (following != kSpace) {
        kind = following;
        next = behind;
      }
    }
    while (next < size) {
      std::size_t behind = next;
      if (kind_at(behind) != kind) break;
      next = behind;
    }
    // White space leaves its last character to what follows, if it has more than one.
    if (kind == kSpace && next < size) {
      std::size_t last = next;
      read_code_point_before(text, last);
      if (last > at) next = last;
    }
    at = next;
    ends.push_back(static_cast<std::uint32_t>(at));
  }
}

std::string decode_base64(std::string_view text, const std::string& where) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  const auto fail = [&](std::size_t at) {
    throw bad_data(fmt::format("{}: not base64 at character {}", where, at + 1));
  };
  if (text.size() % 4 != 0) fail(text.size());
  std::uint32_t bits = 0;
  std::size_t padding = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') value = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z') value = static_cast<std::uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9') value = static_cast<std::uint32_t>(c - '0' + 52);
    else if (c == '+') value = 62;
    else if (c == '/') value = 63;
    else if (c == '=' && i + 2 >= text.size()) ++padding;
    else fail(i);
    if (padding > 0 && c != '=') fail(i);
    bits = bits << 6 | value;
    if (i % 4 != 3) continue;
    out += static_cast<char>(bits >> 16);
    out += static_cast<char>(bits >> 8);
    out += static_cast<char>(bits);
    bits = 0;
  }
  out.resize(out.size() - padding);
  return out;
}

}  // namespace discreet::text::subword
