// Examples as numbers where a task asks for more than words: questions in windows, cut examples.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/app/run_data.h"
#include "discreet/app/scores.h"
#include "discreet/app/span_answers.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace {

using Ids = std::vector<std::int64_t>;

Encoder answer_encoder(std::int64_t longest, std::int64_t stride) {
  Encoder encoder;
  encoder.tokenizer = text::make_tokenizer("word", text::TokenizerOptions{});
  const std::vector<std::string> words = {"a", "b", "c", "d", "e", "f", "g", "h", "who"};
  encoder.vocabulary = text::Vocabulary::from_words(words, text::VocabularyKind::kFile, "test");
  encoder.task = "span-qa";
  encoder.lengths = {.longest = longest, .stride = stride, .answer = 3};
  return encoder;
}

text::Example question_on(const std::string& text, const std::string& answer, std::int64_t begin) {
  text::Example example;
  example.text = text;
  example.question = "who";
  example.line = 7;
  if (!answer.empty()) {
    example.answers = {answer};
    example.answer_begins = {begin};
  }
  return example;
}

TEST(EncodeQuestions, OneRowOfMarkQuestionMarkText) {
  const EncodedData data = encode(answer_encoder(16, 2), {question_on("a b c", "b c", 2)}, EncodeFor::kTraining);
  const std::int64_t mark = 10;
  EXPECT_EQ(data.tokens, (Ids{mark, 9, mark, 1, 2, 3}));
  EXPECT_EQ(data.token_types, (Ids{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(data.tags, (Ids{0, kNotTagged, kNotTagged, 0, 1, 2}));
  EXPECT_EQ(data.places[4].begin, 2);
  EXPECT_EQ(data.places[5].end, 5);
  EXPECT_EQ(data.places[0].begin, -1);
  EXPECT_TRUE(data.owners.empty());
  EXPECT_EQ(table_entries(answer_encoder(16, 2)), 11);
}

TEST(EncodeQuestions, NothingAnswersAtTheFirstRow) {
  const EncodedData data = encode(answer_encoder(16, 2), {question_on("a b", "", 0)}, EncodeFor::kTraining);
  EXPECT_EQ(data.tags, (Ids{3, kNotTagged, kNotTagged, 0, 0}));
}

// Room for four words beside marks and question, two of them shared: a b c d, c d e f, e f g h.
TEST(EncodeQuestions, LongTextsAreWindowsInEvaluationAndTheBestOneInTraining) {
  const Encoder encoder = answer_encoder(7, 2);
  const text::Example example = question_on("a b c d e f g h", "d e", 6);
  const EncodedData windows = encode(encoder, {example, question_on("a", "a", 0)});
  ASSERT_EQ(windows.size(), 4);
  EXPECT_EQ(windows.owners, (Ids{0, 0, 0, 1}));
  EXPECT_EQ(windows.examples.size(), 2u);
  // Only the second window holds the answer whole.
  const auto tags_of = [&](std::int64_t w) {
    return Ids(windows.tags.begin() + windows.offsets[w] + 3, windows.tags.begin() + windows.offsets[w + 1]);
  };
  EXPECT_EQ(tags_of(0), (Ids{0, 0, 0, 0}));
  EXPECT_EQ(tags_of(1), (Ids{0, 1, 2, 0}));
  EXPECT_EQ(tags_of(2), (Ids{0, 0, 0, 0}));
  const EncodedData training = encode(encoder, {example}, EncodeFor::kTraining);
  ASSERT_EQ(training.size(), 1);
  EXPECT_EQ(Ids(training.tokens.begin() + 3, training.tokens.end()), (Ids{3, 4, 5, 6}));
  EXPECT_EQ(Ids(training.tags.begin() + 3, training.tags.end()), (Ids{0, 1, 2, 0}));
}

TEST(EncodeQuestions, ATrainingAnswerMustBeInItsText) {
  try {
    encode(answer_encoder(16, 2), {question_on("a b", "z", -1)}, EncodeFor::kTraining);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadData);
    EXPECT_NE(std::string(error.what()).find("line 7: the answer 'z' is not in the text"), std::string::npos);
  }
  EXPECT_NO_THROW(encode(answer_encoder(16, 2), {question_on("a b", "z", -1)}));
}

TEST(BestAnswers, OverAllWindowsInOrderAndNotTooLong) {
  Encoder encoder = answer_encoder(7, 2);
  const EncodedData data = encode(encoder, {question_on("a b c d e f g h", "d e", 6)});
  Scores scores;
  scores.starts.assign(data.tokens.size(), 0);
  scores.ends.assign(data.tokens.size(), 0);
  const auto row = [&](std::int64_t window, std::int64_t word) { return data.offsets[window] + 3 + word; };
  scores.starts[row(1, 1)] = 5;  // d
  scores.ends[row(1, 2)] = 5;    // e
  scores.ends[row(1, 0)] = 9;    // c, before any such start
  scores.starts[data.offsets[1] + 1] = 50;  // the question is no answer
  auto best = best_answers(encoder, data, scores, 3);
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best[0][0].text, "d e");
  EXPECT_EQ(best[0][0].begin, 6);
  EXPECT_EQ(best[0][0].score, 10);
  EXPECT_EQ(best[0].size(), 3u);
  EXPECT_GT(best[0][0].probability, best[0][1].probability);
  // a b c d is longer than three words: its ends do not make an answer.
  scores.starts[row(0, 0)] = 20;
  scores.ends[row(0, 3)] = 20;
  best = best_answers(encoder, data, scores, 1);
  EXPECT_NE(best[0][0].text, "a b c d");
  // Nothing competes only where training met it, by its least score over the windows.
  encoder.nothing_answers = true;
  for (std::int64_t w = 0; w < 3; ++w) scores.starts[data.offsets[w]] = scores.ends[data.offsets[w]] = 30;
  EXPECT_EQ(best_answers(encoder, data, scores, 1)[0][0].text, "");
  scores.starts[data.offsets[2]] = -30;
  EXPECT_NE(best_answers(encoder, data, scores, 1)[0][0].text, "");
  encoder.nothing_answers = false;
}

TEST(AnswerMetrics, AreThoseOfTheBestAnswers) {
  const Encoder encoder = answer_encoder(16, 2);
  const EncodedData data = encode(encoder, {question_on("a b c", "b", 2), question_on("c d", "c d", 0)});
  Scores scores;
  scores.loss = {0.5, 1.5};
  scores.starts.assign(data.tokens.size(), 0);
  scores.ends.assign(data.tokens.size(), 0);
  scores.starts[4] = scores.ends[4] = 3;    // b
  scores.starts[9] = scores.ends[9] = 3;    // c
  const Json metrics = metrics_of("span-qa", encoder, data, scores);
  EXPECT_DOUBLE_EQ(metrics["exact_match"].get<double>(), 0.5);
  EXPECT_NEAR(metrics["f1"].get<double>(), (1 + 2.0 / 3) / 2, 1e-12);
  EXPECT_DOUBLE_EQ(metrics["loss"].get<double>(), 1);
}

TEST(MaskedMetrics, WeighExamplesByTheirHiddenTokens) {
  Scores scores;
  scores.loss = {1, 2, 0};
  scores.told = {3, 1, 0};
  scores.correct = {1, 1, 0};
  EncodedData data;
  data.offsets = {0, 1, 2, 3};
  Encoder encoder;
  encoder.task = "masked-lm";
  const Json metrics = metrics_of("masked-lm", encoder, data, scores);
  EXPECT_NEAR(metrics["perplexity"].get<double>(), std::exp(5.0 / 4), 1e-12);
  EXPECT_DOUBLE_EQ(metrics["accuracy"].get<double>(), 0.5);
}

TEST(Encode, WhatIsTooLongIsCutAndCounted) {
  Encoder encoder;
  encoder.tokenizer = text::make_tokenizer("word", text::TokenizerOptions{});
  const std::vector<std::string> words = {"a", "b"};
  encoder.vocabulary = text::Vocabulary::from_words(words, text::VocabularyKind::kFile, "test");
  encoder.task = "tagging";
  text::LabelSetBuilder tags;
  const std::vector<std::string> names = {"O", "B-x"};
  tags.add(std::span<const std::string>(names));
  encoder.tags = tags.build(true);
  encoder.lengths.longest = 2;
  text::Example example;
  example.words = {"a", "b", "a", "b"};
  example.tags = {"O", "B-x", "O", "O"};
  const EncodedData data = encode(encoder, {example});
  EXPECT_EQ(data.tokens, (Ids{1, 2}));
  EXPECT_EQ(data.cut_tokens, 2);
  EXPECT_EQ(cut_note(data, "test"), "1 of 1 test examples were cut: they lost 2 tokens at their ends.");
  EXPECT_EQ(word_rows(encoder, data, 0), (Ids{0, 1, -1, -1}));
  EXPECT_EQ(cut_note({}, "test"), "");
}

}  // namespace
}  // namespace discreet::app
