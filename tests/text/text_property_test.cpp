#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "discreet/core/json.h"
#include "discreet/text/reader.h"
#include "discreet/text/tokenizer.h"
#include "discreet/text/unicode.h"
#include "discreet/text/vocabulary.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

// Strings over characters that are hard for somebody: separators, quotes, accents, wide and emoji.
rc::Gen<std::string> awkward_text() {
  static const std::vector<std::string> kPieces = {"a",
                                                   "B",
                                                   "z",
                                                   "7",
                                                   " ",
                                                   ",",
                                                   "\"",
                                                   "'",
                                                   "\t",
                                                   "\n",
                                                   ".",
                                                   "-",
                                                   "#",
                                                   "@",
                                                   "&",
                                                   "\\",
                                                   "{",
                                                   "\xc3\xa9",
                                                   "\xc3\x89",
                                                   "e\xcc\x81",
                                                   "\xe6\x97\xa5",
                                                   "\xc2\xa0",
                                                   "\xe2\x80\x99",
                                                   "\xf0\x9f\x98\x80",
                                                   "n't",
                                                   "'s",
                                                   "\xc4\xb0",
                                                   "\xce\xa3"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kPieces)),
                      [](const std::vector<std::string>& pieces) {
                        std::string text;
                        for (const auto& piece : pieces) text += piece;
                        return text;
                      });
}

std::string csv_quoted(const std::string& field) {
  std::string quoted = "\"";
  for (const char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

template <class Property>
void check_property(const char* what, Property property) {
  EXPECT_TRUE(rc::check(what, property));
}

TEST(TextProperty, CsvReadsBackAnyText) {
  check_property("csv round trip", [] {
    const auto rows =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
            rc::gen::pair(awkward_text(), awkward_text())));
    std::string bytes = "text,label\n";
    for (const auto& [text, label] : rows) {
      bytes += csv_quoted(text) + "," + csv_quoted(label) + "\n";
    }
    const core::TemporaryFolder folder;
    const auto found = read_all(*make_reader("csv", folder.write("a.csv", bytes)));
    RC_ASSERT(found.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      RC_ASSERT(found[i].text == rows[i].first);
      RC_ASSERT(found[i].label == rows[i].second);
    }
  });
}

TEST(TextProperty, JsonlReadsBackAnyWords) {
  check_property("jsonl round trip", [] {
    const auto words = *rc::gen::container<std::vector<std::string>>(awkward_text());
    const Json line = {{"words", words}, {"tags", std::vector<std::string>(words.size(), "O")}};
    const core::TemporaryFolder folder;
    const auto found = read_all(*make_reader("jsonl", folder.write("a", line.dump() + "\n")));
    RC_ASSERT(found.at(0).words == words);
    RC_ASSERT(found.at(0).tags.size() == words.size());
  });
}

TEST(TextProperty, TokensCoverTheTextInOrder) {
  for (const char* name : {"word", "character"}) {
    const auto tokenizer = make_tokenizer(name);
    check_property(name, [&] {
      const std::string text = *awkward_text();
      std::size_t at = 0;
      for (const Token& token : tokenizer->tokenize(text)) {
        RC_ASSERT(token.begin >= at);
        RC_ASSERT(token.end > token.begin);
        RC_ASSERT(split_spaces(std::string_view(text).substr(at, token.begin - at)).empty());
        RC_ASSERT(!token.text.empty());
        at = token.end;
      }
      RC_ASSERT(split_spaces(std::string_view(text).substr(at)).empty());
    });
  }
}

TEST(TextProperty, NormalFormIsIdempotent) {
  const auto tokenizer = make_tokenizer("word");
  check_property("normalize twice", [&] {
    const std::string once = tokenizer->normalize(*awkward_text());
    RC_ASSERT(tokenizer->normalize(once) == once);
    RC_ASSERT(find_invalid_utf8(once) == std::string::npos);
  });
}

TEST(TextProperty, CuttingUtf8AnywhereIsSeen) {
  check_property("cut", [] {
    const std::string text = *awkward_text();
    const auto cut = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
    const std::size_t bad = find_invalid_utf8(text.substr(0, cut));
    const bool inside = cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80;
    RC_ASSERT((bad != std::string::npos) == inside);
    if (inside) RC_ASSERT(bad < cut && cut - bad < 4);
  });
}

TEST(TextProperty, VocabularyIdsAndWordsAreInverse) {
  check_property("inverse", [] {
    const auto words = *rc::gen::container<std::vector<std::string>>(awkward_text());
    const auto v = Vocabulary::from_words(words, VocabularyKind::kFile, "x");
    for (const std::string& word : words) RC_ASSERT(v.word(v.id(word)) == word);
    for (std::int64_t id = 1; id < v.size(); ++id) RC_ASSERT(v.id(v.word(id)) == id);
  });
}

}  // namespace
}  // namespace discreet::text
