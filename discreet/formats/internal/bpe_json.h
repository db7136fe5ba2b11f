#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::formats::internal {

/// What a token is, by the numbers of GGUF files and SentencePiece.
enum class TokenKind : int { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// A BPE vocabulary of a foreign file, to be written as tokenizer.json.
struct BpeModel {
  std::string origin;  ///< Stands in errors.
  std::vector<std::string> tokens;
  std::vector<TokenKind> kinds;  ///< As many as tokens.
  std::optional<std::int64_t> bos, eos, unknown, padding;
  bool add_bos = false, add_eos = false;
  std::string chat_template;
  std::int64_t max_tokens = 0;
};

/// Byte-level BPE: `merges` are pairs "a b", best first; `pre` is the splitting rule by the name
/// that GGUF files give it: gpt-2, smollm, llama-bpe, default (that of ggml for files that name
/// none). Throws: kBadData for another rule, a token that stands twice, a merge of or to something
/// that is no token, an id out of range.
Json byte_level_tokenizer_json(const BpeModel& model, const std::vector<std::string>& merges,
                               const std::string& pre);

/// SentencePiece BPE with bytes for what is unknown: merges follow from the tokens' scores (higher
/// is better); `space_prefix` puts a space before each text. Spaces in tokens are U+2581.
Json sentence_piece_tokenizer_json(const BpeModel& model, const std::vector<float>& scores,
                                   bool space_prefix);

Json tokenizer_config_json(const BpeModel& model);

}  // namespace discreet::formats::internal
