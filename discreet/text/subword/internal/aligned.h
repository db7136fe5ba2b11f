#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::text::subword {

/// Bytes [begin, end) of the text that was given.
struct Span {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

/// A code point of a new text and how it came from the old one: 0 replaces the next old code point,
/// n > 0 was added, -n replaces the next and swallows n after it.
struct Change {
  char32_t code_point;
  int change;
};

/// Text on its way through a pipeline and, where offsets are asked for, the span of the given text
/// that each of its bytes stands for. A byte's span is that of the whole code point it came from.
class Aligned {
 public:
  /// The part [begin, end) of `given`, as it is.
  void assign(std::string_view given, std::size_t begin, std::size_t end, bool tracked);
  void clear(bool tracked, std::uint32_t base);

  const std::string& text() const { return text_; }
  bool tracked() const { return tracked_; }
  std::uint32_t base() const { return base_; }
  std::size_t size() const { return text_.size(); }
  /// Bytes that a normaliser may make of the part that was assigned: 256 for each of its own, and 4096.
  std::size_t most_bytes() const { return most_bytes_; }

  /// What bytes [begin, end) of the text came from. Only where tracked.
  Span origin(std::size_t begin, std::size_t end) const;

  /// Appends bytes [begin, end) of `from`, which is tracked as this is.
  void append(const Aligned& from, std::size_t begin, std::size_t end);
  /// Appends `bytes`, all from where the byte `source` of `from` came from.
  void append(std::string_view bytes, const Aligned& from, std::size_t source);
  /// Appends `bytes` added behind the first `behind` bytes of `from`: they share the span of what
  /// stands before, or an empty one at the beginning.
  void append_added(std::string_view bytes, const Aligned& from, std::size_t behind);
  /// Appends the text that `changes` make of `from`; `removed` of its code points fall away first.
  void append_changed(const std::vector<Change>& changes, std::size_t removed, const Aligned& from);
  /// Exchanges all but `most_bytes`.
  void swap(Aligned& other) noexcept;

 private:
  std::string text_;
  std::vector<Span> origins_;
  bool tracked_ = false;
  std::uint32_t base_ = 0;
  std::size_t most_bytes_ = std::size_t{1} << 30;
};

/// A part of the text: bytes [begin, end), and the added token that it is, or -1.
struct TextPart {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::int32_t added = -1;
};

/// What pre-tokenisers work on. The `other_*` are theirs to write the next state to.
struct Splits {
  Aligned text, other_text;
  std::vector<TextPart> parts, other_parts;
  /// The text holds bytes that stand for the characters of byte-level tokens; only the model reads
  /// it then.
  bool byte_level = false;
};

inline std::size_t code_point_bytes(unsigned char first) {
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/// The code point at `at` of UTF-8 text; `at` moves past it. Nothing is checked.
inline char32_t read_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  char32_t c = first;
  if (first < 0x80) {
    at += 1;
  } else if (first < 0xE0) {
    c = (c & 0x1Fu) << 6 | (byte(1) & 0x3Fu);
    at += 2;
  } else if (first < 0xF0) {
    c = (c & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
    at += 3;
  } else {
    c = (c & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu);
    at += 4;
  }
  return c;
}

/// The code point that ends before `end`, which moves to its beginning.
inline char32_t read_code_point_before(std::string_view text, std::size_t& end) {
  do --end;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  std::size_t at = end;
  return read_code_point(text, at);
}

void append_utf8(std::string& out, char32_t c);
std::string to_utf8(char32_t c);
std::size_t count_code_points(std::string_view text);
/// Where the first byte from 0x80 on stands, or the size.
std::size_t ascii_prefix(std::string_view text);

}  // namespace discreet::text::subword
