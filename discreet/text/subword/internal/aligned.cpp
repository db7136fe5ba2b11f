#include "discreet/text/subword/internal/aligned.h"

#include <cstring>
#include <utility>

namespace discreet::text::subword {

void Aligned::assign(std::string_view given, std::size_t begin, std::size_t end, bool tracked) {
  clear(tracked, static_cast<std::uint32_t>(begin));
  text_.assign(given.substr(begin, end - begin));
  most_bytes_ = 256 * (end - begin) + 4096;
  if (!tracked) return;
  origins_.reserve(text_.size());
  for (std::size_t i = begin; i < end;) {
    const std::size_t n = code_point_bytes(static_cast<unsigned char>(given[i]));
    origins_.insert(origins_.end(), n,
                    {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i + n)});
    i += n;
  }
}

void Aligned::clear(bool tracked, std::uint32_t base) {
  text_.clear();
  origins_.clear();
  tracked_ = tracked;
  base_ = base;
}

Span Aligned::origin(std::size_t begin, std::size_t end) const {
  if (begin >= end || end > origins_.size()) return {base_, base_};
  return {origins_[begin].begin, origins_[end - 1].end};
}

void Aligned::append(const Aligned& from, std::size_t begin, std::size_t end) {
  text_.append(from.text_, begin, end - begin);
  if (!tracked_) return;
  const auto first = from.origins_.begin();
  origins_.insert(origins_.end(), first + static_cast<std::ptrdiff_t>(begin),
                  first + static_cast<std::ptrdiff_t>(end));
}

void Aligned::append(std::string_view bytes, const Aligned& from, std::size_t source) {
  text_.append(bytes);
  if (!tracked_) return;
  const Span origin = source < from.origins_.size() ? from.origins_[source] : Span{base_, base_};
  origins_.insert(origins_.end(), bytes.size(), origin);
}

void Aligned::append_added(std::string_view bytes, const Aligned& from, std::size_t behind) {
  text_.append(bytes);
  if (!tracked_) return;
  const Span origin = behind == 0 ? Span{from.base_, from.base_} : from.origins_[behind - 1];
  origins_.insert(origins_.end(), bytes.size(), origin);
}

void Aligned::append_changed(const std::vector<Change>& changes, std::size_t removed,
                             const Aligned& from) {
  std::size_t at = 0;
  const auto skip = [&](std::size_t count) {
    for (; count > 0 && at < from.size(); --count) {
      at += code_point_bytes(static_cast<unsigned char>(from.text_[at]));
    }
  };
  skip(removed);
  std::string bytes;
  for (const Change& c : changes) {
    bytes.clear();
    append_utf8(bytes, c.code_point);
    if (c.change > 0) {
      append_added(bytes, from, at);
    } else {
      append(bytes, from, at);
      skip(1 + static_cast<std::size_t>(-c.change));
    }
  }
}

void Aligned::swap(Aligned& other) noexcept {
  text_.swap(other.text_);
  origins_.swap(other.origins_);
  std::swap(tracked_, other.tracked_);
  std::swap(base_, other.base_);
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::string to_utf8(char32_t c) {
  std::string out;
  append_utf8(out, c);
  return out;
}

std::size_t count_code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::size_t ascii_prefix(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t block;
    std::memcpy(&block, text.data() + i, 8);
    if ((block & 0x8080808080808080ull) != 0) break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace discreet::text::subword
