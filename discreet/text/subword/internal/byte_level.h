#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/text/subword/internal/aligned.h"
#include "discreet/text/subword/internal/regex.h"

namespace discreet::text::subword {

/// GPT-2's printable character for each byte.
const std::array<char32_t, 256>& byte_characters();
/// The byte that a character stands for, or -1.
int byte_of_character(char32_t c);

/// Appends bytes [begin, end) of `from` to `out`, each as its character.
void spell_bytes(const Aligned& from, std::size_t begin, std::size_t end, Aligned& out);
std::string spelled_bytes(std::string_view bytes);
/// The reverse: false if a character stands for no byte.
bool unspell_bytes(std::string_view characters, std::string& bytes);

/// The pieces of GPT-2's pattern
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// by hand: ends of the pieces, which cover the text.
void gpt2_pieces(std::string_view text, std::vector<std::uint32_t>& ends);

/// Bytes of base64 with padding. Throws: kBadData.
std::string decode_base64(std::string_view text, const std::string& where);

}  // namespace discreet::text::subword
