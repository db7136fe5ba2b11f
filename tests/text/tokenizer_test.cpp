#include "discreet/text/tokenizer.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/text/unicode.h"

namespace discreet::text {
namespace {

using Tokens = std::vector<std::string>;

Tokens word_tokens(const std::string& text, const TokenizerOptions& options = {}) {
  return make_tokenizer("word", options)->words(text);
}

TEST(WordTokenizer, SplitsSignsFromWords) {
  EXPECT_EQ(word_tokens("Play \"Take Five\", please!"),
            (Tokens{"play", "\"", "take", "five", "\"", ",", "please", "!"}));
  EXPECT_EQ(word_tokens("  \t\n"), Tokens{});
  EXPECT_EQ(word_tokens(""), Tokens{});
  EXPECT_EQ(word_tokens("wait... what--really?!! (no)"),
            (Tokens{"wait", "...", "what", "--", "really", "?", "!!", "(", "no", ")"}));
}

TEST(WordTokenizer, PartsClitics) {
  EXPECT_EQ(word_tokens("don't what's we'll I'M they\xe2\x80\x99re"),
            (Tokens{"do", "n't", "what", "'s", "we", "'ll", "i", "'m", "they", "\xe2\x80\x99re"}));
  EXPECT_EQ(word_tokens("o'clock d'angelo 'tis"), (Tokens{"o'clock", "d'angelo", "'", "tis"}));
}

TEST(WordTokenizer, KeepsNumbersTimesNamesAndAddressesTogether) {
  EXPECT_EQ(word_tokens("at 10:30 for $3.50, 1,000 times"),
            (Tokens{"at", "10:30", "for", "$", "3.50", ",", "1,000", "times"}));
  EXPECT_EQ(word_tokens("r&b rock-and-roll me@x.org example.com."),
            (Tokens{"r&b", "rock-and-roll", "me@x.org", "example.com", "."}));
  EXPECT_EQ(word_tokens("7 a.m. in the U.S. now. I."),
            (Tokens{"7", "a.m.", "in", "the", "u.s.", "now", ".", "i", "."}));
  EXPECT_EQ(word_tokens("#party @you a, b"), (Tokens{"#party", "@you", "a", ",", "b"}));
}

TEST(WordTokenizer, KnowsUnicode) {
  EXPECT_EQ(word_tokens("\xc3\x89"
                        "COLE na\xc3\xafve"),
            (Tokens{"\xc3\xa9"
                    "cole",
                    "na\xc3\xafve"}));
  // e and a combining accent become one code point, the same as the composed word.
  EXPECT_EQ(word_tokens("cafe\xcc\x81"), (Tokens{"caf\xc3\xa9"}));
  EXPECT_EQ(word_tokens("cafe\xcc\x81", {.nfc = false}), (Tokens{"cafe\xcc\x81"}));
  EXPECT_EQ(word_tokens("Caf\xc3\xa9", {.lowercase = false}), (Tokens{"Caf\xc3\xa9"}));
  // No-break and ideographic spaces separate; ideographs stand alone; a family emoji is one sign.
  EXPECT_EQ(word_tokens("a\xc2\xa0"
                        "b\xe3\x80\x80\xe6\x97\xa5\xe6\x9c\xac"),
            (Tokens{"a", "b", "\xe6\x97\xa5", "\xe6\x9c\xac"}));
  const std::string family = "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7";
  EXPECT_EQ(word_tokens("hi" + family + "!"), (Tokens{"hi", family, "!"}));
}

TEST(WordTokenizer, TokensKnowWhereTheyStood) {
  const std::string text = " Don't STOP";
  const auto tokens = make_tokenizer("word")->tokenize(text);
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(tokens[0].begin, 1u);
  EXPECT_EQ(tokens[1].begin, 3u);
  EXPECT_EQ(tokens[1].end, 6u);
  EXPECT_EQ(text.substr(tokens[2].begin, tokens[2].end - tokens[2].begin), "STOP");
}

TEST(CharacterTokenizer, GivesGraphemes) {
  EXPECT_EQ(make_tokenizer("character")->words("A b"), (Tokens{"a", " ", "b"}));
  EXPECT_EQ(make_tokenizer("character")->words("e\xcc\x81x"), (Tokens{"\xc3\xa9", "x"}));
  EXPECT_EQ(make_tokenizer("character")->words(""), Tokens{});
}

TEST(Tokenizers, RefuseWhatIsNotUtf8) {
  for (const char* name : {"word", "character"}) {
    try {
      make_tokenizer(name)->words("ab\xff");
      FAIL();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kBadData);
      EXPECT_NE(std::string(e.what()).find("byte 3"), std::string::npos);
    }
  }
}

TEST(Tokenizers, ConfigMakesThemAgain) {
  const auto tokenizer = make_tokenizer("word", {.lowercase = false});
  const auto again = make_tokenizer(Json::parse(tokenizer->config().dump()), "x.json");
  EXPECT_EQ(again->config(), tokenizer->config());
  EXPECT_EQ(again->words("Don't"), (Tokens{"Do", "n't"}));
  EXPECT_THROW(make_tokenizer(Json::parse("{}"), "x.json"), Error);
  EXPECT_THROW(make_tokenizer("wrod"), Error);
}

TEST(TokenizeExample, KeepsTagsAlignedAndTokenisesRawText) {
  const auto tokenizer = make_tokenizer("word");
  Example tagged{.words = {"Don't", "STOP."}, .tags = {"O", "O"}};
  tokenize_example(*tokenizer, tagged);
  EXPECT_EQ(tagged.words, (Tokens{"don't", "stop."}));
  Example raw{.text = "Don't STOP."};
  tokenize_example(*tokenizer, raw);
  EXPECT_EQ(raw.words, (Tokens{"do", "n't", "stop", "."}));
}

TEST(Unicode, FindsTheFirstBadByte) {
  EXPECT_EQ(find_invalid_utf8("plain ascii, long enough for a block"), std::string::npos);
  EXPECT_EQ(find_invalid_utf8("\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa9"), std::string::npos);
  const std::pair<const char*, std::size_t> bad[] = {{"abc\x80", 3},
                                                     {"\xc0\xaf", 0},
                                                     {"a\xc3", 1},
                                                     {"\xe0\x80\x80", 0},
                                                     {"ok\xed\xa0\x80", 2},
                                                     {"\xf4\x90\x80\x80", 0},
                                                     {"\xf5", 0},
                                                     {"\xf0\x9f\x98", 0},
                                                     {"0123456789\xff"
                                                      "a",
                                                      10},
                                                     {"\xe2\x82", 0},
                                                     {"\xc3\xa9\xa9", 2}};
  for (const auto& [text, at] : bad) EXPECT_EQ(find_invalid_utf8(text), at) << text;
  EXPECT_EQ(latin1_to_utf8("a\xe9\xff"), "a\xc3\xa9\xc3\xbf");
}

}  // namespace
}  // namespace discreet::text
