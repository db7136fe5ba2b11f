#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discreet/app/run_data.h"

namespace discreet::app::internal {

/// Which word of its example each row of encoded data is of.
///
/// Shapes: N rows. `word` [N]: counted from 0 in each example; -1: a special token. `text` [N]: the word,
/// in lower case; empty for special tokens.
struct RowWords {
  std::vector<std::int64_t> word;
  std::vector<std::string> text;
};

/// Without subwords every row is a word. With them, rows are the pieces of words as the tokenizer tells them
/// apart.
RowWords row_words(const Encoder& encoder, const EncodedData& data);

}  // namespace discreet::app::internal
