#include "discreet/text/tokenizer.h"

#include <fmt/format.h>

#include "discreet/core/registry.h"

namespace discreet::text {

std::vector<std::string> Tokenizer::words(std::string_view text) const {
  std::vector<std::string> words;
  for (Token& token : tokenize(text)) words.push_back(std::move(token.text));
  return words;
}

std::unique_ptr<Tokenizer> make_tokenizer(const std::string& name,
                                          const TokenizerOptions& options) {
  return core::registry().make<MakeTokenizer>("tokenizer", name)(options);
}

std::unique_ptr<Tokenizer> make_tokenizer(const Json& config, const std::string& origin) {
  try {
    TokenizerOptions options;
    options.lowercase = config.at("lowercase").get<bool>();
    options.nfc = config.at("nfc").get<bool>();
    return make_tokenizer(config.at("tokenizer").get<std::string>(), options);
  } catch (const Json::exception& e) {
    throw bad_data(fmt::format("{}: not a tokeniser's description: {}", origin, e.what()),
                   "The file was written by another program or is damaged.");
  }
}

void tokenize_example(const Tokenizer& tokenizer, Example& example) {
  if (example.words.empty()) {
    example.words = tokenizer.words(example.text);
    return;
  }
  for (std::string& word : example.words) word = tokenizer.normalize(word);
}

}  // namespace discreet::text
