// Task seq2seq: sources and targets as rows, and what metrics say of them.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/app/run_data.h"
#include "discreet/app/scores.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

Settings pair_settings(const core::TemporaryFolder& folder) {
  core::write_file_atomically(folder / "train.jsonl",
                              "{\"source\":\"a b\",\"target\":\"x y z\"}\n"
                              "{\"source\":\"b\",\"target\":\"a\"}\n");
  core::write_file_atomically(folder / "test.jsonl",
                              "{\"source\":\"a b\",\"target\":\"x y\"}\n"
                              "{\"source\":\"a b\",\"target\":\"z\"}\n"
                              "{\"source\":\"new\",\"target\":\"x\"}\n");
  core::Config config;
  config.add_assignment("task=seq2seq");
  config.add_assignment("data.train=" + (folder / "train.jsonl").string());
  config.add_assignment("data.test=" + (folder / "test.jsonl").string());
  return parse_settings(config);
}

TEST(EncodePairs, PutsTheDecodersRowsBehindTheSources) {
  const core::TemporaryFolder folder;
  const RunData data = load_run_data(pair_settings(folder));
  const Encoder& encoder = data.encoder;
  const auto id = [&](const char* word) { return encoder.vocabulary.id(word); };
  const std::int64_t end = encoder.vocabulary.size();  // words of both sides, and behind them the mark
  EXPECT_EQ(end, 6);
  EXPECT_EQ(table_entries(encoder), 7);
  EXPECT_EQ(encoder.decoder_start, end);
  EXPECT_EQ(data.train.offsets, (std::vector<std::int64_t>{0, 7, 11}));
  EXPECT_EQ(data.train.tokens, (std::vector<std::int64_t>{id("a"), id("b"), end, end, id("x"), id("y"), id("z"),
                                                          id("b"), end, end, id("a")}));
  EXPECT_EQ(data.train.tags, (std::vector<std::int64_t>{kNotTagged, kNotTagged, kNotTagged, id("x"), id("y"),
                                                        id("z"), end, kNotTagged, kNotTagged, id("a"), end}));
  // Lines of one source are one example with several references; its first target is scored.
  ASSERT_EQ(data.test.size(), 2);
  EXPECT_EQ(data.test.examples[0].answers, (std::vector<std::string>{"x y", "z"}));
}

TEST(EncodePairs, MetricsAreOverTokensAndAllReferences) {
  const core::TemporaryFolder folder;
  const RunData data = load_run_data(pair_settings(folder));
  Scores scores;
  scores.loss = {1.0, 2.0};  // of 3 and 2 tokens
  Json metrics = metrics_of("seq2seq", data.encoder, data.test, scores);
  EXPECT_NEAR(metrics.at("loss").get<double>(), 1.5, 1e-12);
  EXPECT_NEAR(metrics.at("perplexity").get<double>(), std::exp(7.0 / 5), 1e-9);
  EXPECT_FALSE(metrics.contains("bleu"));
  scores.texts = {"z", "x"};
  metrics = metrics_of("seq2seq", data.encoder, data.test, scores);
  EXPECT_DOUBLE_EQ(metrics.at("rouge_l").get<double>(), 1);
  scores.texts = {"b", "x"};
  metrics = metrics_of("seq2seq", data.encoder, data.test, scores);
  EXPECT_DOUBLE_EQ(metrics.at("rouge_1").get<double>(), 0.5);
}

TEST(EncodePairs, TheEncoderIsReadBack) {
  const core::TemporaryFolder folder;
  const RunData data = load_run_data(pair_settings(folder));
  save_encoder(folder.path(), data.encoder);
  const Encoder again = load_encoder(folder.path());
  EXPECT_EQ(again.task, "seq2seq");
  EXPECT_EQ(again.decoder_start, data.encoder.decoder_start);
  EXPECT_EQ(encode(again, data.test.examples).tokens, data.test.tokens);
}

}  // namespace
}  // namespace discreet::app
