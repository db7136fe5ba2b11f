#pragma once

#include <filesystem>

#include "discreet/core/json.h"
#include "discreet/text/subword/internal/pipeline.h"

namespace discreet::text::subword {

/// Of a SentencePiece model file (Unigram or BPE) or a tokenizer.bin of llama2.c, with what tokenizer_config.json and
/// special_tokens_map.json say of special tokens. Throws: kBadData naming file and place.
Parts sentence_piece_parts(const std::filesystem::path& file, const Json& config, const Json& map);

}  // namespace discreet::text::subword
