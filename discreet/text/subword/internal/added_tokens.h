#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "discreet/text/subword/internal/byte_trie.h"
#include "discreet/text/subword/internal/json_fields.h"
#include "discreet/text/subword/internal/normalizer.h"
#include "discreet/text/subword/internal/string_map.h"

namespace discreet::text::subword {

struct AddedToken {
  std::string content;
  std::int32_t id = -1;
  bool single_word = false;  ///< not beside a character of a word
  bool lstrip = false;       ///< takes the white space before it
  bool rstrip = false;       ///< takes the white space behind it
  bool normalized = true;    ///< looked for in the normalised text
  bool special = false;      ///< may be left out when decoding
  std::string spelling;      ///< of texts: the content, normalised if `normalized`; set by AddedTokens
};

/// The text and the rules of an added token, without its id. Throws: kBadData.
AddedToken read_added_token(const JsonFields& f);

/// Tokens that are found in the text before anything else is done to it.
class AddedTokens {
 public:
  AddedTokens() : AddedTokens({}, nullptr) {}
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer);

  /// Cuts `text` into added tokens and what is between them; `normalized` says in which text to look.
  /// Appends parts whose places count from the text's beginning.
  void find(std::string_view text, bool normalized, std::vector<TextPart>& parts) const;

  const AddedToken* by_id(std::int32_t id) const;
  const AddedToken* by_content(std::string_view content) const;
  bool is_special(std::string_view content) const;
  const std::vector<AddedToken>& all() const { return tokens_; }

 private:
  struct Patterns {
    std::optional<ByteTrie> trie;
    std::array<bool, 256> first{};
    std::vector<std::string> texts;
  };
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::int32_t, std::size_t> by_id_;
  StringMap by_content_, special_;
  Patterns plain_, normal_;
};

}  // namespace discreet::text::subword
