#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::text::subword {

/// The long lists of a tokenizer file, which stay out of the JSON tree: there a key costs a search.
struct TokenizerLists {
  std::vector<std::pair<std::string, std::int64_t>> vocabulary;  ///< {"token": id}
  std::vector<std::pair<std::string, double>> pieces;            ///< [["piece", score]]
  std::vector<std::pair<std::string, std::string>> merges;       ///< ["a b"] or [["a", "b"]]
  bool has_vocabulary = false, has_pieces = false, has_merges = false;
};

/// A tokenizer.json: `rest` is all but model.vocab and model.merges.
/// Throws: kBadData naming `origin` and the byte, or the list and the entry.
struct TokenizerFile {
  Json rest;
  TokenizerLists lists;
};
TokenizerFile read_tokenizer_json(const std::string& text, const std::string& origin);

/// A vocab.json: {"token": id}.
TokenizerLists read_vocabulary_json(const std::string& text, const std::string& origin);

/// A small JSON object, as configurations are; objects of more than 5,000 keys are refused.
Json read_small_json(const std::string& text, const std::string& origin);

}  // namespace discreet::text::subword
