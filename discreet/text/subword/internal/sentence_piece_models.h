#pragma once

#include "discreet/text/subword/internal/model.h"
#include "discreet/text/subword/internal/sentence_piece_file.h"

namespace discreet::text::subword {

/// Unigram and BPE as SentencePiece runs them: scores in single precision, user-defined pieces never cut,
/// unknown characters as bytes where the file says so, else neighbouring ones as one token.
ModelPtr make_sentence_piece_model(const SentencePieceFile& file, const std::string& origin);

}  // namespace discreet::text::subword
