// Examples as pieces of a small WordPiece vocabulary.
#include "discreet/app/subwords.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "discreet/core/error.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

using Ids = std::vector<std::int64_t>;

//                           0      1      2      3      4       5       6       7       8    9     10     11
constexpr const char* kVocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nplay\n##ing\njazz\nin\nber\n##lin\n.\n";

class SubwordsTest : public ::testing::Test {
 protected:
  SubwordsTest() { folder_.write("vocab.txt", kVocabulary); }

  Encoder encoder_of(const std::string& task) const {
    Encoder encoder;
    encoder.tokenizer = text::make_tokenizer("word", {.lowercase = false});
    encoder.subwords = Subwords::load(folder_.path());
    encoder.task = task;
    return encoder;
  }

  core::TemporaryFolder folder_;
};

text::Example text_of(const std::string& text) {
  text::Example example;
  example.text = text;
  return example;
}

TEST_F(SubwordsTest, ATextHasTheSpecialTokensOfThePostProcessor) {
  Encoder encoder = encoder_of("text-classification");
  text::LabelSetBuilder labels;
  labels.add("a");
  labels.add("b");
  encoder.intents = labels.build();
  encoder.lengths.longest = 5;
  text::Example example = text_of("Playing jazz in Berlin.");
  example.label = "b";
  const EncodedData data = encode(encoder, {example, text_of("jazz")});
  EXPECT_EQ(data.tokens, (Ids{2, 5, 6, 7, 3, 2, 7, 3}));  // the first is cut to five tokens
  EXPECT_EQ(data.cut_examples, 1);
  EXPECT_EQ(data.cut_tokens, 4);
  EXPECT_EQ(data.intents, (Ids{encoder.intents.find("b"), -1}));
  EXPECT_EQ(table_entries(encoder), 12);
}

TEST_F(SubwordsTest, ATagStandsOnTheFirstPieceOfItsWord) {
  Encoder encoder = encoder_of("tagging");
  text::LabelSetBuilder tags;
  const std::vector<std::string> names = {"O", "B-city"};
  tags.add(std::span<const std::string>(names));
  encoder.tags = tags.build(true);
  text::Example example;
  example.words = {"playing", "", "in", "berlin"};
  example.tags = {"O", "O", "O", "B-city"};
  EncodedData data = encode(encoder, {example});
  const std::int64_t none = kNotTagged, o = encoder.tags.find("O"), city = encoder.tags.find("B-city");
  EXPECT_EQ(data.tokens, (Ids{2, 5, 6, 8, 9, 10, 3}));
  EXPECT_EQ(data.tags, (Ids{none, o, none, o, city, none, none}));
  EXPECT_EQ(word_rows(encoder, data, 0), (Ids{1, -1, 3, 4}));  // the empty word has no piece
  // Cut off: the last word is predicted as O.
  encoder.lengths.longest = 5;
  data = encode(encoder, {example});
  EXPECT_EQ(word_rows(encoder, data, 0), (Ids{1, -1, 3, -1}));
}

TEST_F(SubwordsTest, QuestionsAndTextsHaveTheFrameOfAPair) {
  Encoder encoder = encoder_of("span-qa");
  encoder.lengths = {.longest = 32, .stride = 4, .answer = 5};
  text::Example example = text_of("Playing in Berlin");
  example.question = "in";
  example.answers = {"Berlin"};
  example.answer_begins = {11};
  const EncodedData data = encode(encoder, {example}, EncodeFor::kTraining);
  EXPECT_EQ(data.tokens, (Ids{2, 8, 3, 5, 6, 8, 9, 10, 3}));
  EXPECT_EQ(data.token_types, (Ids{0, 0, 0, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(data.tags, (Ids{0, kNotTagged, kNotTagged, 0, 0, 0, 1, 2, kNotTagged}));
  EXPECT_EQ(data.places[6].begin, 11);
  EXPECT_EQ(data.places[7].end, 17);
}

TEST_F(SubwordsTest, MaskedModelsTellPiecesAndNoSpecialTokens) {
  Encoder encoder = encoder_of("masked-lm");
  EXPECT_EQ(mark_id(encoder), 4);
  const auto special = special_ids(encoder), continues = continuing_ids(encoder);
  for (const int id : {0, 1, 2, 3, 4}) EXPECT_EQ(special[id], 1) << id;
  EXPECT_EQ(std::count(special.begin(), special.end(), 1), 5);
  EXPECT_EQ(std::count(continues.begin(), continues.end(), 1), 2);
  EXPECT_EQ(continues[6], 1);
  encoder.language = {.blocks = true, .block = 5};
  const EncodedData data = encode(encoder, {text_of("playing jazz"), text_of("in berlin")});
  // Three pieces and two special tokens a block; lines follow each other.
  EXPECT_EQ(data.tokens, (Ids{2, 5, 6, 7, 3, 2, 8, 9, 10, 3}));
  EXPECT_EQ(data.size(), 2);
  EXPECT_EQ(data.examples[1].words, (std::vector<std::string>{"in", "berlin"}));
}

TEST_F(SubwordsTest, LanguageModelsCountTheBytesOfTheText) {
  Encoder encoder = encoder_of("language-model");
  encoder.language = {.end = encoder.subwords->end()};
  EncodedData data = encode(encoder, {text_of("playing jazz")});
  EXPECT_EQ(data.tokens, (Ids{3, 5, 6, 7}));
  EXPECT_EQ(data.tags, (Ids{5, 6, 7, 3}));
  EXPECT_EQ(data.raw_bytes, 13);
  encoder.lengths.longest = 3;
  data = encode(encoder, {text_of("playing jazz")});
  EXPECT_EQ(data.tags, (Ids{5, 6, 3}));
  EXPECT_EQ(data.raw_bytes, 7);  // of what was cut no byte is counted
}

TEST_F(SubwordsTest, ASavedEncoderIsWhole) {
  const core::TemporaryFolder saved;
  Encoder encoder = encoder_of("span-qa");
  encoder.lengths = {.longest = 20, .stride = 3, .answer = 4};
  encoder.nothing_answers = true;
  save_encoder(saved.path(), encoder);
  const Encoder back = load_encoder(saved.path());
  ASSERT_NE(back.subwords, nullptr);
  EXPECT_EQ(back.subwords->size(), 12);
  EXPECT_EQ(back.task, "span-qa");
  EXPECT_EQ(back.lengths.longest, 20);
  EXPECT_EQ(back.lengths.stride, 3);
  EXPECT_EQ(back.lengths.answer, 4);
  EXPECT_TRUE(back.nothing_answers);
  EXPECT_EQ(back.subwords->pieces("jazz")[0].id, 7);
  EXPECT_THROW(Subwords::load(core::TemporaryFolder().path()), Error);
}

}  // namespace
}  // namespace discreet::app
