#include <fmt/format.h>

#include <cstring>

#include "discreet/core/error.h"
#include "discreet/text/subword/internal/normalizer.h"
#include "discreet/text/unicode.h"

// The bytes: 4, the size of the trie; the trie, units of 4 bytes, little-endian; texts ended by zero.
// A unit of the double array (Darts-clone): bits 0..7 label with bit 31, bit 8 a value follows, bit 9
// the offset counts in steps of 256, bits 10.. the offset; a value's unit holds it in 31 bits.

namespace discreet::text::subword {
namespace {

std::uint32_t little_endian(const char* at) {
  unsigned char b[4];
  std::memcpy(b, at, 4);
  return b[0] | std::uint32_t{b[1]} << 8 | std::uint32_t{b[2]} << 16 | std::uint32_t{b[3]} << 24;
}

}  // namespace

CharacterMap::CharacterMap(std::string bytes, const std::string& where) : bytes_(std::move(bytes)) {
  if (bytes_.empty()) return;
  const std::size_t size = bytes_.size() < 4 ? 0 : little_endian(bytes_.data());
  if (bytes_.size() < 4 || size % 4 != 0 || size == 0 || size > bytes_.size() - 4) {
    throw bad_data(fmt::format("{}: a trie of {} bytes in {} bytes of character map", where, size, bytes_.size()),
                   "The file is damaged.");
  }
  units_ = size / 4;
  texts_at_ = 4 + size;
  if (find_invalid_utf8(std::string_view(bytes_).substr(texts_at_)) != std::string_view::npos) {
    throw bad_data(fmt::format("{}: the replacements are not UTF-8", where), "The file is damaged.");
  }
}

CharacterMap::Found CharacterMap::find(std::string_view text, bool longest) const {
  Found found;
  if (units_ == 0) return found;
  const std::string_view texts = std::string_view(bytes_).substr(texts_at_);
  const auto unit_at = [&](std::size_t i) { return little_endian(bytes_.data() + 4 + 4 * i); };
  const auto offset_of = [](std::uint32_t unit) -> std::size_t {
    return static_cast<std::size_t>(unit >> 10) << ((unit & (1u << 9)) >> 6);
  };
  std::size_t node = offset_of(unit_at(0));
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == 0) break;
    node ^= byte;
    if (node >= units_) break;
    const std::uint32_t unit = unit_at(node);
    if ((unit & ((1u << 31) | 0xFFu)) != byte) break;
    node ^= offset_of(unit);
    if (node >= units_) break;
    if ((unit >> 8 & 1) == 0) continue;
    const std::size_t place = unit_at(node) & 0x7FFFFFFFu;
    if (place > texts.size()) break;
    // A place inside a character can only come from a damaged file.
    const std::string_view rest = texts.substr(place);
    if (!rest.empty() && (static_cast<unsigned char>(rest[0]) & 0xC0) == 0x80) break;
    found = {i + 1, rest.substr(0, std::min(rest.find('\0'), rest.size()))};
    if (!longest) break;
  }
  return found;
}

CharacterMap::Found CharacterMap::longest(std::string_view text) const { return find(text, true); }
CharacterMap::Found CharacterMap::shortest(std::string_view text) const { return find(text, false); }

}  // namespace discreet::text::subword
