#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/text/letters.h"
#include "discreet/text/unicode.h"

namespace discreet::mitigate::internal {

// A code point of a text as one byte. ASCII is itself, and so are the signs that stand for an ASCII one.
constexpr char kSmall = '\x80', kCapital = '\x81';  // letters of other scripts; capitals
constexpr char kShortDash = '\x82';                 // en dash, minus: between digits a hyphen, between words none
constexpr char kOtherSign = '\x83';

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline bool is_upper(char c) { return (c >= 'A' && c <= 'Z') || c == kCapital; }
inline bool is_latin(char c) { return ((c | 32) >= 'a' && (c | 32) <= 'z') && static_cast<unsigned char>(c) < 128; }
inline bool is_letter(char c) { return is_latin(c) || c == kSmall || c == kCapital; }
inline bool is_alnum(char c) { return is_letter(c) || is_digit(c); }
inline bool is_hexadecimal(char c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f' && is_latin(c)); }
inline bool is_hyphen(char c) { return c == '-' || c == kShortDash; }
inline char lower_of(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline std::string lower_of(std::string_view folded) {
  std::string text(folded);
  for (char& c : text) c = lower_of(c);
  return text;
}

inline char folded(char32_t c) {
  switch (c) {
    case U'\u2018': case U'\u2019': case U'\u201A': case U'\u201B': case U'\u02BC': case U'\u2032': case U'\u2039': case U'\u203A': return '\'';
    case U'\u201C': case U'\u201D': case U'\u201E': case U'\u201F': case U'\u00AB': case U'\u00BB': case U'\u2033': return '"';
    case U'\u2010': case U'\u2011': return '-';
    case U'\u2012': case U'\u2013': case U'\u2212': return kShortDash;
    default: break;
  }
  if (c < 0x80) return static_cast<char>(c);
  if (c >= 0xFF01 && c <= 0xFF5E) return static_cast<char>(c - 0xFF01 + '!');  // full width
  if (text::is_digit(c)) return static_cast<char>('0' + text::digit_value(c));
  if (text::is_letter(c)) return text::is_upper(c) ? kCapital : kSmall;
  return text::is_space(c) ? ' ' : kOtherSign;
}

/// A text with one byte for each of its characters, and where these begin.
class FoldedText {
 public:
  explicit FoldedText(std::string_view text) : original_(text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
    if (plain) {
      folded_ = text;
      return;
    }
    buffer_.reserve(text.size());
    begins_.reserve(text.size() + 1);
    for (std::size_t i = 0; i < text.size();) {
      const std::string_view rest = text.substr(i);
      const std::string_view valid = rest.substr(0, text::find_invalid_utf8(rest));
      for (std::size_t k = 0; k < valid.size();) {
        begins_.push_back(static_cast<std::uint32_t>(i + k));
        buffer_ += folded(text::next_code_point(valid, k));
      }
      i += valid.size();
      if (i == text.size()) break;
      begins_.push_back(static_cast<std::uint32_t>(i++));
      buffer_ += kOtherSign;
    }
    begins_.push_back(static_cast<std::uint32_t>(text.size()));
    folded_ = buffer_;
  }
  FoldedText(const FoldedText&) = delete;
  FoldedText& operator=(const FoldedText&) = delete;

  std::string_view view() const { return folded_; }
  /// The byte of the text at which character `i` begins.
  std::size_t byte(std::size_t i) const { return begins_.empty() ? i : begins_[i]; }
  std::string lower(std::size_t begin, std::size_t end) const {
    return text::lowercase(original_.substr(byte(begin), byte(end) - byte(begin)));
  }

 private:
  std::string_view original_, folded_;
  std::string buffer_;
  std::vector<std::uint32_t> begins_;
};

}  // namespace discreet::mitigate::internal
