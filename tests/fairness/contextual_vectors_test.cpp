#include "discreet/fairness/contextual_vectors.h"

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "tests/fairness/support.h"

namespace discreet::fairness {
namespace {
using test::MockModel;
using test::ToyCoder;

/// The mock's rows are the tokens' ids.
MockModel mock(bool causal = false) {
  return MockModel(causal, 40, [](const std::vector<std::int64_t>&, std::int64_t, std::int64_t) { return 0.0; });
}

TEST(WordVectors, AreThoseOfTheWordsOwnTokensWhereItStands) {
  const ToyCoder coder;
  MockModel model = mock();
  // "play" stands twice; the second one is meant, so its place counts, not its id.
  const std::vector<PlacedWord> words = {{"play and play+ing", 9, 17}, {"she and her", 8, 11}};
  const auto id = [&](const char* token) { return static_cast<float>(coder.id(token)); };
  const auto last = word_vectors(model, coder, words, {.pooling = VectorPooling::kLast});
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last.row(0)[0], id("ing"));
  EXPECT_EQ(last.row(1)[0], id("her"));
  EXPECT_EQ(word_vectors(model, coder, words, {.pooling = VectorPooling::kFirst}).row(0)[0], id("play"));
  EXPECT_FLOAT_EQ(word_vectors(model, coder, words, {.pooling = VectorPooling::kMean}).row(0)[0], (id("play") + id("ing")) / 2);
}

TEST(WordVectors, WhatHasNoRowIsTold) {
  const ToyCoder coder;
  MockModel model = mock();
  std::string longer;
  for (int i = 0; i < 70; ++i) longer += "x ";
  const std::vector<PlacedWord> words = {{"a b", 3, 3}, {"a b", 0, 1}, {longer + "y", 140, 141}};
  std::vector<std::size_t> cut;
  EXPECT_EQ(word_vectors(model, coder, words, {.batch_tokens = 4}, &cut).size(), 1u);
  EXPECT_EQ(cut, (std::vector<std::size_t>{0, 2}));
}

TEST(WordVectors, ACausalModelReadsItsBeginningFirst) {
  const ToyCoder coder(false);
  MockModel model = mock(true);
  const std::vector<std::string> texts = {"a b"};
  const auto sentence = sentence_vectors(model, coder, texts, {.pooling = VectorPooling::kFirst});
  EXPECT_EQ(sentence.row(0)[0], 0.0F);  // the mark
  const auto word = word_vectors(model, coder, std::vector<PlacedWord>{{"a b", 0, 1}}, {});
  EXPECT_EQ(word.row(0)[0], static_cast<float>(coder.id("a")));
}

TEST(SentenceVectors, AverageAllTokens) {
  const ToyCoder coder;
  MockModel model = mock();
  const std::vector<std::string> texts = {"a b", "b"};
  const auto rows = sentence_vectors(model, coder, texts, {.pooling = VectorPooling::kMean, .batch_tokens = 3});
  const float a = static_cast<float>(coder.id("a")), b = static_cast<float>(coder.id("b"));
  EXPECT_FLOAT_EQ(rows.row(0)[0], (0 + a + b + 1) / 4);
  EXPECT_FLOAT_EQ(rows.row(1)[0], (0 + b + 1) / 3);
}

}  // namespace
}  // namespace discreet::fairness
