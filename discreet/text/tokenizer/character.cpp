#include "discreet/core/registry.h"
#include "discreet/text/internal/normal_form.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

// Every grapheme cluster is a token, spaces too: a character model must be able to write them.
class CharacterTokenizer final : public Tokenizer {
 public:
  explicit CharacterTokenizer(const TokenizerOptions& options) : options_(options) {}

  std::vector<Token> tokenize(std::string_view text) const override {
    require_utf8(text, "text to tokenise");
    std::vector<Token> tokens;
    std::size_t begin = 0;
    for (const std::size_t end : grapheme_ends(text)) {
      tokens.push_back({normalize(text.substr(begin, end - begin)), begin, end});
      begin = end;
    }
    return tokens;
  }

  std::string normalize(std::string_view word) const override {
    return internal::normal_form(word, options_);
  }

  Json config() const override { return internal::tokenizer_config("character", options_); }

 private:
  TokenizerOptions options_;
};

}  // namespace
}  // namespace discreet::text

namespace discreet {

void register_tokenizer_character(core::Registry& registry) {
  registry.add({.kind = "tokenizer",
                .name = "character",
                .summary = "One token per character as a reader sees it (grapheme cluster)",
                .reference = "UAX 29",
                .fields = text::internal::tokenizer_fields().info(),
                .make = text::MakeTokenizer([](const text::TokenizerOptions& options) {
                  return std::unique_ptr<text::Tokenizer>(new text::CharacterTokenizer(options));
                })});
}

}  // namespace discreet
