#pragma once

#include <map>
#include <string>

#include "discreet/app/internal/row_words.h"

namespace discreet::app::internal {

/// Words and their weights v, lower case, for prediction sensitivity by hand.
using TokenWeights = std::map<std::string, double>;

/// "gender": the words, pronouns and names of the built-in swap lists, each 1. Else a file: lines with a word
/// and, behind a tab, a weight (1); or JSON, a list of words or an object of word to weight. `#` begins a comment
/// line. Throws: kBadData naming file and line for a weight that is no number or negative, a word twice, and for a
/// file without words; kRuntime.
TokenWeights read_token_weights(const std::string& source);

/// The weight of each row's word, 0 for words that are not listed. Shapes: N rows.
std::vector<double> weights_of_rows(const RowWords& rows, const TokenWeights& weights);

}  // namespace discreet::app::internal
