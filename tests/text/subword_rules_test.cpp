// Rules of tokenisers where Hugging Face's differ from the plain reading: patterns as Oniguruma reads them, empty matches,
// added tokens of folders without tokenizer.json. Expectations are those of tokenizers 0.23 and transformers 5.
#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/json.h"
#include "discreet/text/subword/internal/pattern_syntax.h"
#include "discreet/text/subword/internal/regex.h"
#include "discreet/text/subword/subword_tokenizer.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

using Places = std::vector<std::pair<std::size_t, std::size_t>>;
using Ids = std::vector<std::int32_t>;

/// Bytes of the matches.
Places matches_of(const std::string& pattern, const std::string& text) {
  std::vector<subword::Match> found;
  subword::Regex(pattern, "test").find(text, found);
  Places places;
  for (const auto& match : found) {
    if (match.matched) places.emplace_back(match.begin, match.end);
  }
  return places;
}

std::string refusal_of(const std::string& pattern) {
  try {
    subword::pcre2_syntax(pattern, "test");
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    return error.what();
  }
}

TEST(TokenizerPatterns, NamedClassesHaveOnigurumasMembers) {
  EXPECT_EQ(matches_of("[[:punct:]]+", "a\xE2\x82\xAC$+b."), (Places{{1, 6}, {7, 8}}));  // symbols too
  EXPECT_EQ(matches_of("\\p{Punct}+", "a$+."), (Places{{3, 4}}));
  EXPECT_EQ(matches_of("[[:alnum:]]+", "x\xC2\xB2 7"), (Places{{0, 1}, {4, 5}}));  // no power of two
  EXPECT_EQ(matches_of("\\p{Alnum}+", "x\xC2\xB2 7"), (Places{{0, 1}, {4, 5}}));
  EXPECT_EQ(matches_of("[[:alpha:]]+", "\xE0\xA4\x95\xE0\xA4\xBF x"), (Places{{0, 6}, {7, 8}}));  // with its vowel sign
  EXPECT_EQ(matches_of("[[:word:]]+", "e\xCC\x81_1 -"), (Places{{0, 5}}));
  EXPECT_EQ(matches_of("[[:lower:]]+", "A\xC2\xAA" "bC"), (Places{{1, 4}}));
  EXPECT_EQ(matches_of("[[:upper:]]+", "a\xE2\x85\xA7" "Bc"), (Places{{1, 5}}));
  EXPECT_EQ(matches_of("[[:^alpha:]]+", "a12b"), (Places{{1, 3}}));
  EXPECT_EQ(matches_of("[^[:punct:]]+", "a\xE2\x82\xAC.b"), (Places{{0, 1}, {5, 6}}));
}

TEST(TokenizerPatterns, ClassesInClassesAndNegatedSets) {
  EXPECT_EQ(matches_of("[a[bc]]+", "xabcx"), (Places{{1, 4}}));
  EXPECT_EQ(matches_of("[a[^bc]]+", "xabcx"), (Places{{0, 2}, {4, 5}}));
  EXPECT_EQ(matches_of("[^\\W_]+", "ab_c-"), (Places{{0, 2}, {3, 4}}));
  EXPECT_EQ(matches_of("[\\W_]+", "ab_c-"), (Places{{2, 3}, {4, 5}}));
  EXPECT_EQ(matches_of(" ?[^(\\s|[.,!?])]+", "hi there, (you) a|b"), (Places{{0, 2}, {2, 8}, {11, 14}, {15, 17}, {18, 19}}));
  EXPECT_EQ(matches_of("[\\w-]+", "a-b c"), (Places{{0, 3}, {4, 5}}));
  EXPECT_EQ(matches_of("[]a]+", "a]b"), (Places{{0, 2}}));
}

TEST(TokenizerPatterns, SpellingsThatPcre2Lacks) {
  EXPECT_EQ(matches_of("[\\u4e00-\\u9fff]", "a\xE4\xB8\xAD"), (Places{{1, 4}}));
  EXPECT_EQ(matches_of("ba{,2}c", "baac"), (Places{{0, 4}}));
  EXPECT_EQ(matches_of("a{,}", "aa{,}"), (Places{{1, 5}}));
  EXPECT_EQ(matches_of("\\v", "a\n\v"), (Places{{2, 3}}));
  EXPECT_EQ(matches_of("\\b", "e\xCC\x81 x"), (Places{{0, 0}, {3, 3}, {4, 4}, {5, 5}}));  // none before the accent
  EXPECT_EQ(matches_of("\\Bb", "ab b"), (Places{{1, 2}}));
}

TEST(TokenizerPatterns, WhatReadsDifferentlyIsRefused) {
  for (const char* pattern : {"\\h", "\\X", "\\R", "\\K", "[a&&b]", "(?m)a", "(?x)a", "a{2}+", "a{1,2}+", "a{2}?", "(?i)ss", "(?i:ST)",
                              "(?i)\xC3\x9F", "(?i)[\xC3\x9F]", "(?i)[[:lower:]]", "[[:graph:]]", "\\pL", "[a", "\\u12", "\\"}) {
    EXPECT_NE(refusal_of(pattern).find("pattern"), std::string::npos) << pattern;
  }
  // GPT-4's stays.
  EXPECT_EQ(refusal_of("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s+(?!\\S)|\\s+"), "");
  EXPECT_EQ(refusal_of("ss|[^\\W]"), "");
}

TEST(TokenizerPatterns, AnEmptyMatchAtTheEndCounts) {
  EXPECT_EQ(matches_of("$", "ab"), (Places{{2, 2}}));
  EXPECT_EQ(matches_of("b*", "abb"), (Places{{0, 0}, {1, 3}}));
  EXPECT_EQ(matches_of("x*", "ab"), (Places{{0, 0}, {1, 1}, {2, 2}}));
  EXPECT_EQ(matches_of("$", ""), Places{});
}

Json words_tokenizer(const Json& vocabulary) {
  return {{"version", "1.0"},
          {"added_tokens", Json::array()},
          {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
          {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "[UNK]"}}}};
}

TEST(TokenizerReplace, PutsItsTextAtTheEndToo) {
  Json json = words_tokenizer({{"[UNK]", 0}, {"ab!", 1}});
  json["normalizer"] = {{"type", "Replace"}, {"pattern", {{"Regex", "$"}}}, {"content", "!"}};
  EXPECT_EQ(SubwordTokenizer::from_json(json.dump(), "tokenizer").ids("ab"), Ids{1});
}

TEST(TokenizerReplace, CannotMakeATextOfAnyLength) {
  Json json = words_tokenizer({{"[UNK]", 0}});
  const Json step = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(100, 'a')}};
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", Json::array({step, step, step, step, step, step, step, step})}};
  const auto tokenizer = SubwordTokenizer::from_json(json.dump(), "tokenizer");
  EXPECT_EQ(tokenizer.ids("bcd"), Ids{0});
  try {
    tokenizer.ids("abc");
    FAIL() << "100^8 letters";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_NE(std::string(error.what()).find("of a text of 3"), std::string::npos) << error.what();
  }
  json["normalizer"] = nullptr;
  json["decoder"] = {{"type", "Sequence"}, {"decoders", Json::array({step, step, step, step, step, step, step, step})}};
  json["model"]["vocab"]["a"] = 1;
  EXPECT_THROW(SubwordTokenizer::from_json(json.dump(), "tokenizer").decode(Ids{1}, false), Error);
}

TEST(AddedTokensOfJson, ComeBehindAllPiecesOfAUnigram) {
  Json pieces = Json::array();
  for (const char* piece : {"<unk>", "a", "b", "a"}) pieces.push_back(Json::array({piece, -1.0 * static_cast<double>(pieces.size())}));
  const Json json = {{"version", "1.0"},
                     {"added_tokens", {{{"id", 4}, {"content", "ZZ"}, {"single_word", false}, {"lstrip", false}, {"rstrip", false},
                                        {"normalized", true}, {"special", false}}}},
                     {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", pieces}}}};
  EXPECT_EQ(SubwordTokenizer::from_json(json.dump(), "tokenizer").ids("ZZ"), Ids{4});  // a piece that stands twice counts twice
}

TEST(AddedTokensOfJson, OneOfWhiteSpaceIsFoundInWhatAnotherTook) {
  const auto token = [](int id, const char* content, bool rstrip) {
    return Json{{"id", id},         {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", rstrip}, {"normalized", false}, {"special", false}};
  };
  Json json = words_tokenizer({{"[UNK]", 0}});
  json["added_tokens"] = {token(1, "<u>", true), token(2, "\n", false)};
  EXPECT_EQ(SubwordTokenizer::from_json(json.dump(), "tokenizer").ids("<u>\n\nhi"), (Ids{1, 2, 2, 0}));
}

TEST(TypeIds, AreTheTemplatesWithoutSpecialTokensToo) {
  Json json = words_tokenizer({{"[UNK]", 0}, {"[S]", 1}});
  const auto text = [](const char* which, int type) { return Json{{"Sequence", {{"id", which}, {"type_id", type}}}}; };
  const Json special = {{"SpecialToken", {{"id", "[S]"}, {"type_id", 3}}}};
  json["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", Json::array({special, text("A", 2)})},
                            {"pair", Json::array({text("A", 2), text("B", 5)})},
                            {"special_tokens", {{"[S]", {{"id", "[S]"}, {"ids", {1}}, {"tokens", {"[S]"}}}}}}};
  const auto tokenizer = SubwordTokenizer::from_json(json.dump(), "tokenizer");
  EXPECT_EQ(tokenizer.encode("x", {.special_tokens = false}).type_ids, Ids{2});
  EXPECT_EQ(tokenizer.encode_pair("x", "y", {.special_tokens = false}).type_ids, (Ids{2, 5}));
}

/// A folder of vocab.txt: [PAD] [UNK] [CLS] [SEP] [MASK] hello <, x, >.
struct BertFolder {
  core::TemporaryFolder folder;
  BertFolder() { folder.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n<\nx\n>\n"); }
  Ids ids(const std::string& text) const { return SubwordTokenizer::load(folder.path()).ids(text); }
};

TEST(FolderTokens, AddedTokensJsonIsReadByItsIds) {
  const BertFolder bert;
  bert.folder.write("added_tokens.json", R"({"zz": 10, "[New]": 9})");
  EXPECT_EQ(bert.ids("hello [new] ZZ"), (Ids{2, 5, 9, 10, 3}));  // looked for in the normalised text
}

TEST(FolderTokens, AdditionalTokensAreSpecialAndGetTheNextIds) {
  for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
    const BertFolder bert;
    bert.folder.write("tokenizer_config.json", Json{{key, {"<x>", "hello"}}}.dump());
    EXPECT_EQ(bert.ids("<x> hello x"), (Ids{2, 9, 5, 7, 3})) << key;
    EXPECT_EQ(SubwordTokenizer::load(bert.folder.path()).decode(Ids{9, 7, 5}, true), "x");
  }
}

TEST(FolderTokens, ANamedTokenThatTheVocabularyLacksIsAdded) {
  const BertFolder bert;
  bert.folder.write("tokenizer_config.json", R"({"mask_token": "<mask>"})");
  EXPECT_EQ(bert.ids("<mask> [MASK]"), (Ids{2, 9, 1, 1, 1, 3}));
  EXPECT_EQ(SubwordTokenizer::load(bert.folder.path()).special_tokens().mask, 9);
}

TEST(FolderTokens, RulesOfAnAddedTokenHold) {
  const BertFolder bert;
  bert.folder.write("special_tokens_map.json", R"({"mask_token": {"content": "<m>", "lstrip": false, "rstrip": false, "single_word": true}})");
  EXPECT_EQ(bert.ids("x<m> <m>"), (Ids{2, 7, 6, 1, 8, 9, 3}));
}

TEST(FolderTokens, ADecoderOfAddedTokensStandsAboveBothFiles) {
  const BertFolder bert;
  bert.folder.write("added_tokens.json", R"({"no": 9})");
  bert.folder.write("special_tokens_map.json", R"({"mask_token": "[no]"})");
  bert.folder.write("tokenizer_config.json",
                    R"({"added_tokens_decoder": {"12": {"content": "b c", "normalized": false}, "11": {"content": "YES", "normalized": false}}})");
  EXPECT_EQ(bert.ids("YES b c no [MASK]"), (Ids{2, 9, 10, 1, 4, 3}));  // in the order of their ids, numbered behind the vocabulary
}

TEST(FolderTokens, Gpt2PutsItsEndsAroundTextsIfItIsToldTo) {
  core::TemporaryFolder folder;
  folder.write("vocab.json", R"({"a": 0, "b": 1, "<|endoftext|>": 2})");
  folder.write("merges.txt", "#version: 0.2\n");
  EXPECT_EQ(SubwordTokenizer::load(folder.path()).ids("ab"), (Ids{0, 1}));
  folder.write("tokenizer_config.json", R"({"add_bos_token": true, "add_eos_token": true, "eos_token": "<e>", "pad_token": "<p>"})");
  const auto tokenizer = SubwordTokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.ids("ab<p>"), (Ids{2, 0, 1, 4, 3}));
  EXPECT_EQ(tokenizer.encode_pair("a", "b").ids, (Ids{2, 0, 3, 2, 1, 3}));
}

}  // namespace
}  // namespace discreet::text
