#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/text/example.h"

namespace discreet::text {

struct TokenizerOptions {
  bool lowercase = true;  ///< Unicode case folding of each token.
  bool nfc = true;        ///< Unicode normalisation form C of each token.
};

/// A token and where it stood: bytes [begin, end) of the text that was given.
struct Token {
  std::string text;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Text to tokens. Registered under kind "tokenizer": word, character.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// Throws: kBadData if `text` is not UTF-8.
  virtual std::vector<Token> tokenize(std::string_view text) const = 0;
  /// A token of a pre-tokenised source: normalised, never split or dropped.
  virtual std::string normalize(std::string_view word) const = 0;
  /// Name and options, enough for `make_tokenizer` to make it again.
  virtual Json config() const = 0;

  /// The texts of `tokenize`.
  std::vector<std::string> words(std::string_view text) const;
};

using MakeTokenizer = std::unique_ptr<Tokenizer> (*)(const TokenizerOptions& options);

std::unique_ptr<Tokenizer> make_tokenizer(const std::string& name,
                                          const TokenizerOptions& options = {});
/// The reverse of Tokenizer::config.
std::unique_ptr<Tokenizer> make_tokenizer(const Json& config, const std::string& origin);

/// Makes `example.words` what a model reads: given words are normalised one by one, so that tags
/// stay aligned; raw text is tokenised.
void tokenize_example(const Tokenizer& tokenizer, Example& example);

}  // namespace discreet::text
