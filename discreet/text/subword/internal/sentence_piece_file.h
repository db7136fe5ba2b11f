#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::text::subword {

enum class PieceKind { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

/// A SentencePiece model file (sentencepiece_model.proto), as far as it matters for encoding.
struct SentencePieceFile {
  struct Piece {
    std::string text;
    float score = 0;
    PieceKind kind = PieceKind::kNormal;
  };
  std::vector<Piece> pieces;
  int model_type = 1;  ///< 1 Unigram, 2 BPE, 3 words, 4 characters
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  std::string unknown_surface = " \xE2\x81\x87 ";
  std::int32_t unknown_id = -1;
  std::string character_map;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespace = true;
  bool escape_whitespace = true;
};

/// Throws: kBadData naming `origin` and the byte at which the file is damaged, or what it asks for that
/// is not supported.
SentencePieceFile read_sentence_piece(std::string_view bytes, const std::string& origin);

/// A tokenizer.bin of llama2.c: a SentencePiece BPE with byte fallback, piece by piece (score, size, text);
/// pieces 0 to 2 are the unknown one and the ends of texts, 3 to 258 the bytes. Throws: kBadData.
SentencePieceFile read_llama2c_tokenizer(std::string_view bytes, const std::string& origin);

}  // namespace discreet::text::subword
