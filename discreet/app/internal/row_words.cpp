#include "discreet/app/internal/row_words.h"

#include <algorithm>

#include "discreet/app/subwords.h"
#include "discreet/text/unicode.h"

namespace discreet::app::internal {
namespace {

struct NumberedPiece {
  std::int64_t id, word;
  std::string text;
};

/// The pieces of a text with the number of their word and its text.
std::vector<NumberedPiece> pieces_of_text(const Subwords& subwords, const std::string& text) {
  std::vector<NumberedPiece> found;
  std::int64_t word = -1, begin = 0;
  for (const Piece& piece : subwords.pieces(text)) {
    if (piece.begins_word || word < 0) {
      ++word;
      begin = piece.place.begin;
    }
    const std::string so_far = text.substr(static_cast<std::size_t>(std::max<std::int64_t>(begin, 0)),
                                           static_cast<std::size_t>(std::max<std::int64_t>(piece.place.end - begin, 0)));
    found.push_back({piece.id, word, {}});
    for (auto i = found.rbegin(); i != found.rend() && i->word == word; ++i) i->text = so_far;
  }
  return found;
}

std::vector<NumberedPiece> pieces_of_given(const Subwords& subwords, const std::vector<std::string>& words) {
  std::vector<NumberedPiece> found;
  for (const Piece& piece : subwords.pieces_of_words(words)) {
    found.push_back({piece.id, piece.word, words[static_cast<std::size_t>(piece.word)]});
  }
  return found;
}

/// Whether the rows are these pieces, or their beginning where the example was cut.
bool fits(const std::vector<std::int64_t>& ids, const std::vector<NumberedPiece>& pieces) {
  return ids.size() <= pieces.size() &&
         std::equal(ids.begin(), ids.end(), pieces.begin(), [](std::int64_t id, const NumberedPiece& p) { return id == p.id; });
}

std::string lower(const std::string& word) { return text::lowercase(word); }

}  // namespace

RowWords row_words(const Encoder& encoder, const EncodedData& data) {
  RowWords rows;
  rows.word.assign(data.tokens.size(), -1);
  rows.text.resize(data.tokens.size());
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const text::Example& example = data.examples[static_cast<std::size_t>(i)];
    const std::int64_t begin = data.offsets[i], end = data.offsets[i + 1];
    if (!encoder.subwords) {
      for (std::int64_t n = begin; n < end; ++n) {
        rows.word[n] = n - begin;
        rows.text[n] = lower(example.words[static_cast<std::size_t>(n - begin)]);
      }
      continue;
    }
    std::vector<std::int64_t> places, ids;
    for (std::int64_t n = begin; n < end; ++n) {
      if (encoder.subwords->is_special(data.tokens[n])) continue;
      places.push_back(n);
      ids.push_back(data.tokens[n]);
    }
    const auto drop_special = [&](std::vector<NumberedPiece> pieces) {
      std::erase_if(pieces, [&](const NumberedPiece& p) { return encoder.subwords->is_special(p.id); });
      return pieces;
    };
    auto pieces = drop_special(pieces_of_text(*encoder.subwords, example.text));
    if (!fits(ids, pieces)) pieces = drop_special(pieces_of_given(*encoder.subwords, example.words));
    const bool known = fits(ids, pieces);
    for (std::size_t p = 0; p < places.size(); ++p) {
      // What cannot be told apart is a word of its own.
      rows.word[places[p]] = known ? pieces[p].word : static_cast<std::int64_t>(p);
      rows.text[places[p]] = lower(known ? pieces[p].text : encoder.subwords->decode({ids[p]}));
    }
  }
  return rows;
}

}  // namespace discreet::app::internal
