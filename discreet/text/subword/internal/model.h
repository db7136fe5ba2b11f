#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "discreet/text/subword/internal/vocabulary_map.h"

namespace discreet::text::subword {

/// A token of a piece: bytes [begin, end) of it.
struct ModelToken {
  std::int32_t id;
  std::uint32_t begin, end;
};

/// Cuts a piece of text into tokens. Thread-safe.
class Model {
 public:
  virtual ~Model() = default;
  /// Appends the tokens of `piece`. With `byte_level` its bytes stand for the characters of GPT-2's
  /// alphabet. Throws: kBadData for a character without a token where there is no unknown one.
  virtual void encode(std::string_view piece, bool byte_level, std::vector<ModelToken>& out) const = 0;
  virtual const char* kind() const = 0;
  /// A token that stands for text that the vocabulary lacks and is spelled as that text, or -1.
  virtual std::int32_t spelled_as_text() const { return -1; }
  /// The unknown token, or -1.
  virtual std::int32_t unknown() const { return -1; }

  const TokenIds& vocabulary() const { return vocabulary_; }

 protected:
  explicit Model(TokenIds vocabulary) : vocabulary_(std::move(vocabulary)) {}
  TokenIds vocabulary_;
};

using ModelPtr = std::unique_ptr<const Model>;

struct WordPieceOptions {
  std::string unknown = "[UNK]";
  std::string prefix = "##";
  std::size_t longest_word = 100;  ///< in code points; longer words are unknown
};
/// Longest match first (Wu et al. 2016).
ModelPtr make_word_piece(TokenIds vocabulary, const WordPieceOptions& options);

struct BpeOptions {
  std::string unknown;  ///< empty: none
  std::string prefix;   ///< of characters that do not begin a piece
  std::string suffix;   ///< of the character that ends a piece
  bool fuse_unknown = false;
  bool byte_fallback = false;
  bool ignore_merges = false;
};
using Merges = std::vector<std::pair<std::string, std::string>>;
/// Byte-pair encoding (Sennrich et al. 2016), merges in their order.
/// Throws: kBadData naming `where` and the merge whose tokens the vocabulary lacks.
ModelPtr make_bpe(TokenIds vocabulary, const Merges& merges, const BpeOptions& options,
                  const std::string& where);

struct UnigramOptions {
  std::int32_t unknown = -1;
  bool byte_fallback = false;
};
/// The likeliest segmentation under independent pieces (Kudo 2018).
/// Throws: kBadData if the vocabulary is empty or the unknown id is none.
ModelPtr make_unigram(const std::vector<std::pair<std::string, double>>& pieces,
                      const UnigramOptions& options, const std::string& where);

ModelPtr make_word_level(TokenIds vocabulary, const std::string& unknown);

}  // namespace discreet::text::subword
