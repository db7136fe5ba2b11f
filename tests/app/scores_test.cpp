#include "discreet/app/scores.h"

#include <cmath>

#include <gtest/gtest.h>

namespace discreet::app {
namespace {

/// Two lines under a vocabulary of words, with losses of ln 2 and ln 8 per token.
struct Case {
  Encoder encoder;
  EncodedData data;
  Scores scores;
};

Case language_case(const std::string& tokenizer, text::Vocabulary vocabulary) {
  Case c;
  c.encoder.tokenizer = text::make_tokenizer(tokenizer);
  c.encoder.vocabulary = std::move(vocabulary);
  c.encoder.task = "language-model";
  c.encoder.language.end = c.encoder.vocabulary.size();
  std::vector<text::Example> examples(2);
  examples[0].words = {"ab", "c"};
  examples[1].words = {"c"};
  c.data = encode(c.encoder, examples);
  c.scores.loss = {std::log(2.0), std::log(8.0)};
  return c;
}

text::Vocabulary words(const std::vector<std::string>& list) {
  return text::Vocabulary::from_words(list, text::VocabularyKind::kText, "test");
}

TEST(LanguageMetrics, PerplexityCountsTokensAndBitsCountBytes) {
  const Case c = language_case("word", words({"ab", "c"}));
  ASSERT_EQ(c.data.offsets, (std::vector<std::int64_t>{0, 3, 5}));
  const Json metrics = metrics_of("language-model", c.encoder, c.data, c.scores);
  // Three tokens of 1 bit and two of 3: 9 bits on 5 tokens, on "ab c\n" and "c\n".
  EXPECT_NEAR(metrics["perplexity"].get<double>(), std::pow(2, 9.0 / 5), 1e-12);
  EXPECT_NEAR(metrics["bits_per_byte"].get<double>(), 9.0 / 7, 1e-12);
  EXPECT_NEAR(metrics["loss"].get<double>(), (std::log(2.0) + std::log(8.0)) / 2, 1e-12);
  EXPECT_EQ(metrics["unknown_share"], 0.0);
}

TEST(LanguageMetrics, CharactersHaveNoBlanksBetweenThem) {
  const Case c = language_case("character", words({"ab", "c"}));
  const Json metrics = metrics_of("language-model", c.encoder, c.data, c.scores);
  EXPECT_NEAR(metrics["bits_per_byte"].get<double>(), 9.0 / 6, 1e-12);  // "abc\n" and "c\n"
}

TEST(LanguageMetrics, BitsPerByteAreLeftOutWhereTheyCannotBeSaid) {
  const Case unknown = language_case("word", words({"ab"}));
  const Json metrics = metrics_of("language-model", unknown.encoder, unknown.data, unknown.scores);
  EXPECT_FALSE(metrics.contains("bits_per_byte"));
  EXPECT_NEAR(metrics["unknown_share"].get<double>(), 2.0 / 5, 1e-12);
  EXPECT_NE(bits_per_byte_reason(unknown.encoder, unknown.data).find("2 of 5 tokens"), std::string::npos);
  const Case hashed = language_case("word", text::Vocabulary::hashed(16, 1));
  EXPECT_FALSE(metrics_of("language-model", hashed.encoder, hashed.data, hashed.scores)
                   .contains("bits_per_byte"));
  EXPECT_NE(bits_per_byte_reason(hashed.encoder, hashed.data).find("buckets"), std::string::npos);
}

}  // namespace
}  // namespace discreet::app
