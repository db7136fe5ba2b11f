#include "discreet/text/characters.h"

#include "discreet/text/unicode.h"

namespace discreet::text {

void append_characters(std::string_view word, std::vector<std::int64_t>& ids) {
  ids.push_back(kWordBegin);
  std::size_t position = 0;
  for (std::int64_t i = 0; i < kLongestWord && position < word.size(); ++i) {
    const char32_t c = next_code_point(word, position);
    ids.push_back(static_cast<std::int64_t>(c < 128 ? c : 128 + c % 128));
  }
  ids.push_back(kWordEnd);
}

}  // namespace discreet::text
