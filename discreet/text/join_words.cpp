#include "discreet/text/join_words.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace discreet::text {
namespace {

constexpr std::array<std::string_view, 20> kNoSpaceBefore = {
    ",", ".", ";", ":", "!", "?", "%", ")", "]", "}", "”", "...", "\n", "'s", "'re", "'ve", "'ll", "'d", "'m", "n't"};
constexpr std::array<std::string_view, 8> kNoSpaceBehind = {"(", "[", "{", "“", "£", "$", "€", "\n"};

/// U+2019 as the ASCII apostrophe, letters of clitics in lower case.
std::string plain_form(std::string_view word) {
  std::string plain;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word.substr(i, 3) == "\u2019") {
      plain += '\'';
      i += 2;
    } else {
      plain += word[i] >= 'A' && word[i] <= 'Z' ? static_cast<char>(word[i] + 32) : word[i];
    }
  }
  return plain;
}

}  // namespace

std::string join_words(std::span<const std::string> words) {
  std::string text;
  bool open = true;  // nothing stands before, or what does takes no space behind it
  for (const std::string& word : words) {
    if (word.empty()) continue;
    const std::string plain = plain_form(word);
    const bool closes = std::ranges::find(kNoSpaceBefore, plain) != kNoSpaceBefore.end();
    if (!open && !closes) text += ' ';
    text += word;
    open = std::ranges::find(kNoSpaceBehind, plain) != kNoSpaceBehind.end();
  }
  return text;
}

}  // namespace discreet::text
