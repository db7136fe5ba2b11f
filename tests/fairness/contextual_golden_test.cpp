// Words in context, CEAT and next sentences of a random small BERT against transformers: tests/golden/contextual
// (tools/golden/contextual.py made it; float32, tolerance 1e-5).
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "discreet/app/contexts.h"
#include "discreet/app/ops/internal/language_source.h"
#include "discreet/core/files.h"
#include "discreet/fairness/contextual_vectors.h"
#include "discreet/fairness/stereoset_likelihood.h"
#include "discreet/stats/ceat.h"
#include "tests/core/temporary_folder.h"
#include "tests/dp/tensor_registry.h"

namespace discreet::fairness {
namespace {
namespace fs = std::filesystem;

class ContextualGoldenTest : public ::testing::Test {
 protected:
  ContextualGoldenTest()
      : folder_(fs::path(DISCREET_SOURCE_DIR) / "tests/golden/contextual"),
        expected_(core::parse_json(core::read_file(folder_ / "expected.json"), "expected.json")) {
    dp::tensor_registry();
    language_ = app::open_language(folder_);
  }

  /// Contexts as they are found in the corpus, in its order.
  app::FoundContexts contexts() const {
    const core::TemporaryFolder folder;
    std::string corpus;
    for (const Json& line : expected_["lines"]) corpus += line.get<std::string>() + "\n";
    std::vector<std::string> words;
    for (const auto& [word, found] : expected_["words"].items()) words.push_back(word);
    return app::sample_contexts(folder.write("corpus.txt", corpus), words, {.window = 0});
  }

  stats::WordSet vectors_of(const std::vector<app::WordContext>& contexts) {
    std::vector<PlacedWord> placed;
    for (const app::WordContext& context : contexts) placed.push_back({context.text, context.begin, context.end});
    return word_vectors(*language_.model, *language_.coder, placed, {});
  }

  stats::ContextualSet set_of(const char* name, std::size_t most) {
    const app::FoundContexts found = contexts();
    stats::ContextualSet set;
    for (const Json& word : expected_["sets"][name]) {
      auto rows = found.of.at(word.get<std::string>());
      rows.resize(std::min(rows.size(), most));
      set.push_back(vectors_of(rows));
    }
    return set;
  }

  fs::path folder_;
  Json expected_;
  app::LanguageSource language_;
};

TEST_F(ContextualGoldenTest, VectorsAreTheLastPiecesWhereTheWordStands) {
  const app::FoundContexts found = contexts();
  for (const auto& [word, places] : expected_["words"].items()) {
    const auto& contexts = found.of.at(word);
    ASSERT_EQ(contexts.size(), places.size()) << word;
    const stats::WordSet rows = vectors_of(contexts);
    for (std::size_t c = 0; c < places.size(); ++c) {
      EXPECT_EQ(contexts[c].begin, places[c]["begin"].get<std::int64_t>()) << word;
      ASSERT_EQ(rows.dimension, places[c]["vector"].size());
      for (std::size_t i = 0; i < rows.dimension; ++i) {
        EXPECT_NEAR(rows.row(c)[i], places[c]["vector"][i].get<double>(), 1e-5) << word << " " << c << " " << i;
      }
    }
  }
}

TEST_F(ContextualGoldenTest, OneContextOfEachWordIsOneEffect) {
  const stats::CeatResult found = stats::ceat(set_of("X", 1), set_of("Y", 1), set_of("A", 1), set_of("B", 1), {.draws = 1, .resamples = 0});
  EXPECT_NEAR(*found.combined.effect, expected_["ceat"]["first"]["effect"].get<double>(), 1e-4);
  EXPECT_NEAR(found.combined.standard_error * found.combined.standard_error, expected_["ceat"]["first"]["variance"].get<double>(), 1e-6);
}

TEST_F(ContextualGoldenTest, DrawsApproachAllChoicesOfContexts) {
  constexpr std::uint64_t kDraws = 40000;
  const stats::CeatResult found =
      stats::ceat(set_of("X", 9), set_of("Y", 9), set_of("A", 9), set_of("B", 9), {.draws = kDraws, .resamples = 0});
  const Json& ceat = expected_["ceat"];
  const double deviation = ceat["deviation"].get<double>();
  // Five standard errors of a mean of draws: a false alarm in two million seeds.
  const double tolerance = 5 * deviation / std::sqrt(static_cast<double>(kDraws));
  EXPECT_NEAR(found.mean_effect, ceat["mean_effect"].get<double>(), tolerance);
  EXPECT_NEAR(found.effect_deviation, deviation, 2 * tolerance);
  EXPECT_NEAR(*found.combined.effect, ceat["all"]["effect"].get<double>(), 1.5 * tolerance);
  EXPECT_NEAR(found.combined.between_variance, ceat["all"]["between_variance"].get<double>(), .02);
}

TEST_F(ContextualGoldenTest, ProbabilitiesOfTheNextSentence) {
  std::int64_t longest = 0;
  const auto head = app::open_next_sentence(folder_, longest);
  ASSERT_TRUE(head);
  EXPECT_EQ(longest, 40);
  std::vector<StereoSentence> sentences;
  for (const Json& row : expected_["next_sentence"]) sentences.push_back({row["context"], row["sentence"]});
  const auto scores = next_sentence_scores(*head, *language_.coder, sentences, longest);
  ASSERT_EQ(scores.size(), sentences.size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(scores[i], expected_["next_sentence"][i]["probability"].get<double>(), 1e-5);
  }
}

}  // namespace
}  // namespace discreet::fairness
