#include "discreet/text/characters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace discreet::text {
namespace {

std::vector<std::int64_t> characters_of(std::string_view word) {
  std::vector<std::int64_t> ids;
  append_characters(word, ids);
  return ids;
}

TEST(Characters, AWordStandsBetweenItsMarks) {
  EXPECT_EQ(characters_of("ab"), (std::vector<std::int64_t>{kWordBegin, 'a', 'b', kWordEnd}));
  EXPECT_EQ(characters_of(""), (std::vector<std::int64_t>{kWordBegin, kWordEnd}));
  // One id for a character, however many bytes it takes.
  EXPECT_EQ(characters_of("né").size(), 4U);
  EXPECT_EQ(characters_of("né")[2], 128 + 0xE9 % 128);
  EXPECT_EQ(characters_of("\xF0\x9F\x98\x80").size(), 3U);
}

TEST(Characters, EveryIdFitsTheTableAndWordsEndSomewhere) {
  const std::string word(1000, 'x');
  EXPECT_EQ(characters_of(word).size(), static_cast<std::size_t>(kLongestWord) + 2);
  for (const char* text : {"日本語", "привет", "\x7F", "\xF4\x8F\xBF\xBF"}) {
    for (const std::int64_t id : characters_of(text)) {
      EXPECT_TRUE(id >= 0 && id < kCharacterIds) << text << " " << id;
    }
  }
}

TEST(Characters, LettersOfAScriptStayApart) {
  std::set<std::int64_t> ids;
  std::size_t letters = 0;
  for (const char* word : {"абвгдежзийклмнопрстуфхцчшщъыьэюя", "αβγδεζηθικλμνξοπρστυφχψω"}) {
    ids.clear();
    const auto all = characters_of(word);
    for (std::size_t i = 1; i + 1 < all.size(); ++i) ids.insert(all[i]);
    letters = all.size() - 2;
    EXPECT_EQ(ids.size(), letters) << word;
  }
}

}  // namespace
}  // namespace discreet::text
