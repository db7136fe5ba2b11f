#pragma once

#include <span>
#include <string>
#include <vector>

#include "discreet/fairness/text_coder.h"
#include "discreet/fairness/token_model.h"
#include "discreet/stats/weat.h"

namespace discreet::fairness {

/// Which of the tokens that a word or a sentence is made of give its vector.
enum class VectorPooling { kLast, kFirst, kMean };

struct VectorOptions {
  std::int64_t layer = -1;  ///< 0 the embedding, -1 the last.
  VectorPooling pooling = VectorPooling::kLast;
  std::int64_t batch_tokens = 4096;
  std::function<bool(std::size_t)> progress{};  ///< As AskOptions has it.
};

/// A word in a text: bytes [begin, end).
struct PlacedWord {
  std::string text;
  std::int64_t begin = 0, end = 0;
};

/// One row per word, [n, width]: the row of its last sub-token (or the first, or their mean), found by its
/// place, not by looking for an id. `cut` receives the places of words without a token or beyond the
/// model's length, which have no row.
stats::WordSet word_vectors(TokenModel& model, const TextCoder& coder, std::span<const PlacedWord> words,
                            const VectorOptions& options, std::vector<std::size_t>* cut = nullptr);

/// One row per text, [n, width]: the mean of all its tokens' rows, special ones included (as the public
/// suite of sentence tests has it), or that of the first or the last token.
/// Throws: kBadData for a text without a token or longer than the model takes.
stats::WordSet sentence_vectors(TokenModel& model, const TextCoder& coder, std::span<const std::string> texts,
                                const VectorOptions& options);

}  // namespace discreet::fairness
