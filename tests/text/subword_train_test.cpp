#include <gtest/gtest.h>

#include <thread>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/random.h"
#include "discreet/text/subword/internal/byte_level.h"
#include "discreet/text/subword/internal/regex.h"
#include "discreet/text/subword/subword_tokenizer.h"
#include "discreet/text/subword/train.h"
#include "tests/core/temporary_folder.h"

namespace discreet::text {
namespace {

VocabularyTrainer::Result trained(const SubwordTrainingOptions& options, const std::vector<std::string>& texts) {
  VocabularyTrainer trainer(options);
  for (const std::string& text : texts) trainer.add(text);
  return trainer.train();
}

// Worked by hand: "aab" 3 times, "ab" twice. Pairs: a ##a 3, ##a ##b 3, a ##b 2; of the two with 3, the one
// with the smaller left id.
TEST(VocabularyTraining, MergesByHand) {
  const auto v = trained({.size = 100, .min_frequency = 2}, {"aab aab", "AAB ab ab"});
  const std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b", "aa", "aab", "ab"};
  EXPECT_EQ(v.tokens, tokens);
  ASSERT_EQ(v.merges.size(), 3u);
  EXPECT_EQ(v.merges[0], std::pair(std::string("a"), std::string("##a")));
  EXPECT_EQ(v.words, 5u);
  EXPECT_EQ(v.distinct_words, 2u);
}

TEST(VocabularyTraining, ByteLevelBeginsWithItsSpecialTokenAndAllBytes) {
  const auto v = trained({.kind = SubwordKind::kByteLevelBpe, .size = 259, .min_frequency = 1}, {"low lower\n", "low\n"});
  ASSERT_EQ(v.tokens.size(), 259u);
  EXPECT_EQ(v.tokens[0], "<|endoftext|>");
  EXPECT_EQ(v.tokens[1], "!");
  EXPECT_EQ(v.tokens[257], "lo");  // 3 times, as "ow" is; 'l' < 'o'
  EXPECT_EQ(v.tokens[258], "low");
}

TEST(VocabularyTraining, TooSmallASizeIsRefused) {
  EXPECT_THROW(trained({.size = 6}, {"abc"}), Error);
  EXPECT_THROW(trained({.kind = SubwordKind::kByteLevelBpe, .size = 256}, {"abc"}), Error);
}

TEST(VocabularyTraining, RareCharactersFallUnderTheLimit) {
  const auto v = trained({.size = 100, .limit_alphabet = 2}, {"aaa bb cb"});
  EXPECT_EQ(std::count(v.tokens.begin(), v.tokens.end(), "c"), 0);
  EXPECT_EQ(std::count(v.tokens.begin(), v.tokens.end(), "b"), 1);
}

TEST(VocabularyTraining, FoldersReadBackTheSameWay) {
  const core::TemporaryFolder folder;
  const std::vector<std::string> texts = {"The cat sat on the mat, the rat sat on the cat.\n", "That cat's mat!\n"};
  for (const auto kind : {SubwordKind::kWordPiece, SubwordKind::kByteLevelBpe}) {
    const SubwordTrainingOptions options{.kind = kind, .size = 300, .min_frequency = 1};
    write_tokenizer_folder(folder / "model", options, trained(options, texts));
    const auto whole = SubwordTokenizer::load(folder / "model");
    const auto parts = SubwordTokenizer::load(folder.path() / "model" / (kind == SubwordKind::kWordPiece ? "vocab.txt" : "vocab.json"));
    const std::string text = "the cat's hat, \xC3\xA9!";
    EXPECT_EQ(whole.ids(text), parts.ids(text));
    EXPECT_EQ(whole.size(), parts.size());
    if (kind == SubwordKind::kByteLevelBpe) {
      EXPECT_EQ(whole.decode(whole.ids(text)), text);
    } else {
      EXPECT_EQ(whole.decode(whole.ids("the cat, the mat")), "the cat, the mat");
      EXPECT_EQ(whole.special_tokens().mask, 4);
    }
    std::filesystem::remove_all(folder / "model");
  }
}

TEST(VocabularyTraining, ABadLineIsNamed) {
  const core::TemporaryFolder folder;
  VocabularyTrainer trainer({});
  try {
    trainer.add_file(folder.write("text", "fine\nb\xFF\n"));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    EXPECT_NE(std::string(e.what()).find("text:2"), std::string::npos) << e.what();
  }
}

// The scanner by hand against the pattern that it stands for, run by PCRE2.
TEST(Gpt2Pieces, EqualThePattern) {
  const subword::Regex pattern("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", "test");
  const std::vector<std::string> parts = {" ", "  ", "\n", "\t", "a", "B", "don", "'", "'s", "'ll", "'re", "1", "23", ".", "!?", "\xC3\xA9",
                                          "\xE2\x80\x83", "\xC2\xA0", "\xE6\x97\xA5", "\xF0\x9F\x98\x80", "\xCC\x81", "\xE0\xA5\xA9", "\xC2\xBD", "\xE1\xA0\x8E"};
  core::ReproducibleRng rng(5, "gpt2 pieces");
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (std::uint64_t n = rng.below(12); n > 0; --n) text += parts[rng.below(parts.size())];
    std::vector<subword::Match> matches;
    pattern.find(text, matches);
    std::vector<std::uint32_t> expected, ends;
    for (const subword::Match& m : matches) expected.push_back(static_cast<std::uint32_t>(m.end));
    subword::gpt2_pieces(text, ends);
    ASSERT_EQ(ends, expected) << testing::PrintToString(text);
  }
}

// One tokeniser, many threads, more pieces than the word cache holds.
TEST(SubwordThreads, GiveTheSameIds) {
  const core::TemporaryFolder folder;
  const SubwordTrainingOptions options{.kind = SubwordKind::kByteLevelBpe, .size = 300, .min_frequency = 1};
  write_tokenizer_folder(folder / "model", options, trained(options, {"some words and some more words\n"}));
  const auto tokenizer = SubwordTokenizer::load(folder / "model");
  const auto sum = [&](std::uint64_t seed) {
    core::ReproducibleRng rng(seed, "threads");
    std::uint64_t total = 0;
    for (int i = 0; i < 30000; ++i) {
      std::string text = "some " + std::to_string(rng()) + " words " + std::to_string(rng());
      for (const std::int32_t id : tokenizer.ids(text)) total = total * 31 + static_cast<std::uint64_t>(id);
    }
    return total;
  };
  std::vector<std::uint64_t> alone, together(4);
  for (std::uint64_t seed = 0; seed < 4; ++seed) alone.push_back(sum(seed));
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) threads.emplace_back([&, seed] { together[seed] = sum(seed); });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(alone, together);
}

}  // namespace
}  // namespace discreet::text
