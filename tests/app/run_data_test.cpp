#include "discreet/app/run_data.h"

#include <algorithm>
#include <fstream>
#include <set>

#include <gtest/gtest.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

std::vector<text::Example> numbered(std::int64_t n, std::int64_t users = 0) {
  std::vector<text::Example> examples(n);
  for (std::int64_t i = 0; i < n; ++i) {
    examples[i].words = {"word" + std::to_string(i)};
    if (users > 0) examples[i].user = "u" + std::to_string(i % users);
  }
  return examples;
}

TEST(HoldOut, TakesTheRoundedShareOfDistinctPlacesInOrder) {
  const auto examples = numbered(101);
  const auto chosen = draw_hold_out(examples, 0.25, 7, false);
  EXPECT_EQ(chosen.size(), 25u);
  EXPECT_TRUE(std::ranges::is_sorted(chosen));
  EXPECT_EQ(std::set<std::int64_t>(chosen.begin(), chosen.end()).size(), 25u);
  EXPECT_LT(chosen.back(), 101);
  EXPECT_TRUE(draw_hold_out(examples, 0, 7, false).empty());
}

TEST(HoldOut, IsAFunctionOfTheSeed) {
  const auto examples = numbered(200);
  EXPECT_EQ(draw_hold_out(examples, 0.5, 3, false), draw_hold_out(examples, 0.5, 3, false));
  EXPECT_NE(draw_hold_out(examples, 0.5, 3, false), draw_hold_out(examples, 0.5, 4, false));
}

TEST(HoldOut, NeverSplitsAUserWhereTheUnitIsUser) {
  const auto examples = numbered(60, 6);
  const auto chosen = draw_hold_out(examples, 0.3, 1, true);
  EXPECT_EQ(chosen.size(), 20u);  // two users of ten examples
  std::set<std::string> out;
  for (const auto i : chosen) out.insert(examples[i].user);
  EXPECT_EQ(out.size(), 2u);
}

TEST(ContentHash, TellsWordsFromTheirJoins) {
  auto one = numbered(1), other = numbered(1);
  one[0].words = {"ab", "c"};
  other[0].words = {"a", "bc"};
  EXPECT_NE(content_sha256(one), content_sha256(other));
  EXPECT_EQ(content_sha256(one), content_sha256(one));
  other = one;
  other[0].label = "x";
  EXPECT_NE(content_sha256(one), content_sha256(other));
}

class RunDataFiles : public testing::Test {
 protected:
  Settings settings_of(const std::string& train) {
    const auto path = folder_.path() / "train.jsonl";
    std::ofstream(path) << train;
    Settings settings;
    settings.data.train = path.string();
    return settings;
  }
  core::TemporaryFolder folder_;
};

constexpr const char* kTwoLines =
    "{\"words\":[\"Play\",\"jazz\"],\"tags\":[\"O\",\"B-genre\"],\"intent\":\"play\",\"user\":\"a\"}\n"
    "{\"words\":[\"rain\",\"today\"],\"tags\":[\"O\",\"B-day\"],\"intent\":\"weather\",\"user\":\"b\"}\n";

TEST_F(RunDataFiles, TurnsTextIntoNumbersAndKeepsTheText) {
  const RunData data = load_run_data(settings_of(kTwoLines));
  EXPECT_EQ(data.train.size(), 2);
  EXPECT_EQ(data.train.offsets, (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(data.encoder.intents.names(), (std::vector<std::string>{"play", "weather"}));
  EXPECT_EQ(data.encoder.tags.size(), 5);  // O and B-, I- of both
  EXPECT_EQ(data.train.intents, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(data.encoder.tags.name(data.train.tags[1]), "B-genre");
  EXPECT_EQ(data.encoder.vocabulary.word(data.train.tokens[0]), "play");
  EXPECT_EQ(data.train.examples[1].user, "b");
  EXPECT_TRUE(data.has_user_column);
  ASSERT_EQ(data.inputs.size(), 1u);
  EXPECT_EQ(data.inputs[0].role, "train");
}

TEST_F(RunDataFiles, APrivateRunTakesNoWordFromItsText) {
  Settings settings = settings_of(kTwoLines);
  settings.privacy.mechanism = "dp-sgd";
  settings.data.buckets = 64;
  const RunData data = load_run_data(settings);
  EXPECT_EQ(data.encoder.vocabulary.kind(), text::VocabularyKind::kHashed);
  EXPECT_EQ(data.encoder.vocabulary.size(), 64);
  // Labels did come from the text, and that is said.
  EXPECT_TRUE(data.encoder.intents.from_data());
  EXPECT_FALSE(data.encoder.vocabulary.from_text());
}

TEST_F(RunDataFiles, LabelsThatTrainingNeverSawAreMinusOne) {
  const Settings settings = settings_of(kTwoLines);
  const RunData data = load_run_data(settings);
  text::Example example;
  example.words = {"play", "opera"};
  example.tags = {"O", "B-style"};
  example.label = "sing";
  const EncodedData encoded = encode(data.encoder, {example});
  EXPECT_EQ(encoded.intents[0], -1);
  EXPECT_EQ(encoded.tags[1], -1);
  EXPECT_EQ(encoded.tokens[1], text::Vocabulary::kUnknown);
}

TEST_F(RunDataFiles, TheEncoderComesBackAsItWas) {
  const RunData data = load_run_data(settings_of(kTwoLines));
  save_encoder(folder_.path(), data.encoder);
  const Encoder read = load_encoder(folder_.path());
  EXPECT_EQ(read.vocabulary.words(), data.encoder.vocabulary.words());
  EXPECT_EQ(read.intents.names(), data.encoder.intents.names());
  EXPECT_EQ(read.tags.names(), data.encoder.tags.names());
  EXPECT_EQ(read.tokenizer->normalize("JAZZ"), "jazz");
  EXPECT_THROW(load_encoder(folder_.path() / "none"), Error);
}

constexpr const char* kThreeLines =
    "{\"text\":\"Play some jazz\",\"user\":\"a\"}\n"
    "{\"text\":\"rain today\",\"user\":\"b\"}\n"
    "{\"text\":\"play jazz\",\"user\":\"a\"}\n";

TEST_F(RunDataFiles, ALanguageModelReadsWhatStandsBeforeEachToken) {
  Settings settings = settings_of(kThreeLines);
  settings.task = "language-model";
  const RunData data = load_run_data(settings);
  const std::int64_t end = data.encoder.language.end;
  EXPECT_EQ(end, data.encoder.vocabulary.size());
  EXPECT_EQ(data.train.offsets, (std::vector<std::int64_t>{0, 4, 7, 10}));
  const auto id = [&](const char* word) { return data.encoder.vocabulary.id(word); };
  EXPECT_EQ((std::vector<std::int64_t>(data.train.tokens.begin(), data.train.tokens.begin() + 4)),
            (std::vector<std::int64_t>{end, id("play"), id("some"), id("jazz")}));
  EXPECT_EQ((std::vector<std::int64_t>(data.train.tags.begin(), data.train.tags.begin() + 4)),
            (std::vector<std::int64_t>{id("play"), id("some"), id("jazz"), end}));
  EXPECT_TRUE(data.train.intents.empty());
  save_encoder(folder_.path(), data.encoder);
  EXPECT_EQ(load_encoder(folder_.path()).language.end, end);
}

TEST_F(RunDataFiles, BlocksHoldOneUsersTextAndNothingTwice) {
  Settings settings = settings_of(kThreeLines);
  settings.task = "language-model";
  settings.data.block = 4;
  const RunData data = load_run_data(settings);
  ASSERT_EQ(data.train.size(), 3);
  EXPECT_EQ(data.train.examples[0].words, (std::vector<std::string>{"play", "some", "jazz", "\n"}));
  EXPECT_EQ(data.train.examples[1].words, (std::vector<std::string>{"rain", "today", "\n"}));
  EXPECT_EQ(data.train.examples[2].words, (std::vector<std::string>{"play", "jazz", "\n"}));
  EXPECT_EQ(data.train.examples[2].user, "a");
  // A block ends anywhere: no end of it is predicted.
  EXPECT_EQ(data.train.tags[3], data.encoder.vocabulary.id("\n"));
  EXPECT_EQ(data.train.offsets[1], 4);
}

TEST_F(RunDataFiles, CharactersAreTokensOfALanguageModel) {
  Settings settings = settings_of(kThreeLines);
  settings.task = "language-model";
  settings.data.tokenizer = "character";
  const RunData data = load_run_data(settings);
  EXPECT_EQ(data.train.examples[1].words.size(), 10u);
  EXPECT_EQ(data.train.examples[1].words[4], " ");
}

TEST_F(RunDataFiles, CharactersFollowTheirWordsWhereTheModelReadsThem) {
  Settings settings = settings_of(kTwoLines);
  EXPECT_TRUE(load_run_data(settings).train.character_offsets.empty());
  for (const bool by_kind : {false, true}) {
    settings.model.kind = by_kind ? "bilstm-cnn-crf" : "gru";
    settings.model.char_embedding = by_kind ? 0 : 8;
    const RunData data = load_run_data(settings);
    // Two marks beside the letters of play, jazz, rain, today.
    EXPECT_EQ(data.train.character_offsets, (std::vector<std::int64_t>{0, 6, 12, 18, 25}));
    EXPECT_EQ(data.train.characters[1], 'p');
    const EncodedData second = select(data.train, {1});
    EXPECT_EQ(second.character_offsets, (std::vector<std::int64_t>{0, 6, 13}));
    EXPECT_EQ(second.characters[1], 'r');

    save_encoder(folder_.path(), data.encoder);
    EXPECT_TRUE(load_encoder(folder_.path()).characters);
  }
  // A folder from before there were characters, and one from another scheme.
  const auto file = folder_.path() / "encoder.json";
  Json document = Json::parse(core::read_file(file));
  document["characters"] = "bytes";
  core::write_file_atomically(file, document.dump());
  EXPECT_THROW(load_encoder(folder_.path()), Error);
  document.erase("characters");
  core::write_file_atomically(file, document.dump());
  EXPECT_FALSE(load_encoder(folder_.path()).characters);
}

TEST_F(RunDataFiles, UserAsUnitNeedsAUserOnEveryLine) {
  Settings settings = settings_of(std::string(kTwoLines) +
                                  "{\"words\":[\"hi\"],\"tags\":[\"O\"],\"intent\":\"play\",\"user\":\"\"}\n");
  settings.privacy.mechanism = "dp-sgd";
  settings.privacy.unit = "user";
  settings.data.user = "user";
  try {
    load_run_data(settings);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBadData);
    EXPECT_NE(std::string(e.what()).find("line 3"), std::string::npos);
  }
}

TEST_F(RunDataFiles, SeveralSourcesArePooled) {
  Settings settings = settings_of(kTwoLines);
  settings.data.test = settings.data.train + " + " + settings.data.train;
  const RunData data = load_run_data(settings);
  EXPECT_EQ(data.test.size(), 4);
}

TEST_F(RunDataFiles, OneAnswerTeachesNothing) {
  Settings settings = settings_of("{\"text\":\"a\",\"label\":\"m\"}\n{\"text\":\"b\",\"label\":\"m\"}\n");
  settings.task = "text-classification";
  EXPECT_THROW(load_run_data(settings), Error);
  settings = settings_of("{\"words\":[\"a\"],\"tags\":[\"O\"]}\n");
  settings.task = "tagging";
  EXPECT_THROW(load_run_data(settings), Error);
}

TEST_F(RunDataFiles, KeysSayHowAFileIsWritten) {
  Settings settings;
  settings.task = "text-classification";
  settings.data.train = (folder_ / "train.csv").string();
  settings.data.text = "2";
  settings.data.label = "1";
  settings.data.encoding = text::FileEncoding::kLatin1;
  settings.data.header = settings.data.quotes = false;
  std::ofstream(folder_ / "train.csv") << "music,play \"caf\xe9\nweather,rain\n";
  const RunData data = load_run_data(settings);
  ASSERT_EQ(data.train.size(), 2);
  EXPECT_EQ(data.train.examples[0].label, "music");
  EXPECT_EQ(data.train.examples[0].text, "play \"caf\u00e9");
  settings.data.header = true;
  EXPECT_THROW(load_run_data(settings), Error);  // no column "2"
}

TEST_F(RunDataFiles, SelectKeepsRowsTogether) {
  const RunData data = load_run_data(settings_of(kTwoLines));
  const EncodedData second = select(data.train, {1});
  EXPECT_EQ(second.size(), 1);
  EXPECT_EQ(second.examples[0].label, "weather");
  EXPECT_EQ(second.tokens.size(), 2u);
  EXPECT_EQ(second.tags.size(), 2u);
}

TEST(HoldOut, ByContentNoExampleDecidesForAnother) {
  std::vector<text::Example> examples(300);
  for (std::size_t i = 0; i < examples.size(); ++i) {
    examples[i].text = "text " + std::to_string(i);
    examples[i].user = "user " + std::to_string(i % 40);
  }
  for (const bool users : {false, true}) {
    const auto held = [&](const std::vector<text::Example>& from) {
      std::set<std::string> texts;
      for (const std::int64_t place : draw_hold_out_by_content(from, 0.3, 5, users)) texts.insert(from[static_cast<std::size_t>(place)].text);
      return texts;
    };
    const auto all = held(examples);
    EXPECT_GT(all.size(), users ? 30U : 60U);
    EXPECT_LT(all.size(), users ? 160U : 120U);
    std::vector<text::Example> fewer(examples.begin() + 1, examples.end());
    auto expected = all;
    expected.erase(examples[0].text);
    EXPECT_EQ(held(fewer), expected);
  }
}

}  // namespace
}  // namespace discreet::app
