// bert_tiny_mlm and stories260k against values of transformers 5 (float32): golden/bias of DISCREET_DATA (tolerance
// 1e-4 + 1e-4 relative), and below the ones that it lacks.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "discreet/app/likelihood_data.h"
#include "discreet/core/files.h"
#include "discreet/fairness/log_probability_bias.h"
#include "discreet/fairness/pair_likelihood.h"
#include "discreet/fairness/stereoset_likelihood.h"
#include "discreet/nn/pretrained/model.h"
#include "tests/dp/tensor_registry.h"

namespace discreet::fairness {
namespace {
namespace fs = std::filesystem;

void expect_close(double got, double expected, const std::string& what) {
  EXPECT_NEAR(got, expected, 1e-4 + 1e-4 * std::abs(expected)) << what;
}

class LikelihoodGoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("DISCREET_DATA");
    if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA does not name the test data";
    data_ = data;
    dp::tensor_registry();
  }
  std::unique_ptr<TokenModel> model(const char* name) const {
    return make_token_model(nn::open_pretrained(data_ / "models" / name), {});
  }
  SubwordCoder coder(const char* name, bool framed) const {
    return SubwordCoder(text::SubwordTokenizer::load(data_ / "models" / name), framed);
  }
  Json golden(const char* name) const {
    const fs::path file = data_ / "golden/bias" / name;
    return core::parse_json(core::read_file(file), file.string());
  }
  std::vector<TextPair> crows(const std::vector<std::size_t>& rows) const {
    const auto pairs = app::read_crows_pairs(data_ / "crows_pairs/crows_pairs_anonymized.csv", true);
    std::vector<TextPair> chosen;
    for (const std::size_t row : rows) chosen.push_back({pairs[row].more, pairs[row].less});
    return chosen;
  }
  fs::path data_;
};

TEST_F(LikelihoodGoldenTest, CrowsPairsOfABertModel) {
  const auto scorer = model("bert_tiny_mlm");
  const SubwordCoder code = coder("bert_tiny_mlm", true);
  const Json expected = golden("crows_pairs.json");
  std::vector<TextPair> pairs;
  for (const Json& entry : expected["cases"]) pairs.push_back({entry["sent_more"], entry["sent_less"]});
  const auto shared = score_pairs(*scorer, code, pairs, PairRule::kShared);
  const auto all = score_pairs(*scorer, code, pairs, PairRule::kAll);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Json& entry = expected["cases"][i];
    EXPECT_EQ(code.code(pairs[i].more).ids, entry["ids_1"].get<std::vector<std::int64_t>>());
    const SharedTokens places = shared_tokens(code.code(pairs[i].more), code.code(pairs[i].less));
    EXPECT_EQ(places.a, entry["unmodified_1"].get<std::vector<std::int64_t>>());
    EXPECT_EQ(places.b, entry["unmodified_2"].get<std::vector<std::int64_t>>());
    expect_close(shared[i].more, entry["score_1"], "more");
    expect_close(shared[i].less, entry["score_2"], "less");
    EXPECT_EQ(shared[i].more > shared[i].less, entry["prefers_sent_more"].get<bool>());
    expect_close(all[i].more, entry["pseudo_log_likelihood_1"], "whole");
    expect_close(all[i].less, entry["pseudo_log_likelihood_2"], "whole");
  }
}

TEST_F(LikelihoodGoldenTest, PackedScoresAreThePlainOnes) {
  const auto scorer = model("bert_tiny_mlm");
  const SubwordCoder code = coder("bert_tiny_mlm", true);
  const auto pairs = crows({0, 1, 20});
  const auto packed = score_pairs(*scorer, code, pairs, PairRule::kShared);
  const auto plain = score_pairs(*scorer, code, pairs, PairRule::kShared, {.plain = true});
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_NEAR(packed[i].more, plain[i].more, 1e-4);
    EXPECT_NEAR(packed[i].less, plain[i].less, 1e-4);
  }
}

TEST_F(LikelihoodGoldenTest, UnmaskedLikelihoods) {
  const auto scorer = model("bert_tiny_mlm");
  const SubwordCoder code = coder("bert_tiny_mlm", true);
  const auto pairs = crows({0, 1, 20, 402});
  const double aul[][2] = {{-0.113702, -0.103275}, {-0.052109, -0.044429}, {-0.171631, -0.328605}, {-0.120947, -0.119990}};
  const double aula[][2] = {{-0.00275038, -0.00248479}, {-0.00306942, -0.00225138}, {-0.01048286, -0.02490971},
                            {-0.00485779, -0.00499371}};
  const auto plain = score_pairs(*scorer, code, pairs, PairRule::kUnmasked);
  const auto weighted = score_pairs(*scorer, code, pairs, PairRule::kUnmaskedAttention);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    EXPECT_NEAR(plain[i].more, aul[i][0], 2e-5);
    EXPECT_NEAR(plain[i].less, aul[i][1], 2e-5);
    EXPECT_NEAR(weighted[i].more, aula[i][0], 2e-6);
    EXPECT_NEAR(weighted[i].less, aula[i][1], 2e-6);
  }
}

TEST_F(LikelihoodGoldenTest, StereoSetsBlanksOfABertModel) {
  const auto scorer = model("bert_tiny_mlm");
  const SubwordCoder code = coder("bert_tiny_mlm", true);
  const Json expected = golden("stereoset_intrasentence.json");
  std::vector<StereoSentence> sentences;
  std::vector<const Json*> candidates;
  for (const Json& entry : expected["cases"]) {
    for (const Json& candidate : entry["candidates"]) {
      const std::string context = entry["context"], word = candidate["word"];
      std::string sentence = context;
      sentence.replace(sentence.find("BLANK"), 5, word);
      sentences.push_back({context, sentence});
      candidates.push_back(&candidate);
    }
  }
  const auto scores = fill_scores(*scorer, code, sentences);
  ASSERT_EQ(scores.size(), 30u);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double value = (*candidates[i])["score"];
    EXPECT_NEAR(scores[i], value, 2e-4 * value) << sentences[i].sentence;
  }
}

TEST_F(LikelihoodGoldenTest, LogProbabilityBiasOfTemplates) {
  const auto scorer = model("bert_tiny_mlm");
  const SubwordCoder code = coder("bert_tiny_mlm", true);
  const Json expected = golden("ilps.json");
  std::vector<BiasQuestion> questions;
  for (const Json& entry : expected["cases"]) {
    questions.push_back({entry["template"], entry["attribute"],
                         {{{entry["targets"][0]["target"]}, {entry["targets"][1]["target"]}}}});
  }
  const auto answers = log_probability_bias(*scorer, code, questions);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Json& entry = expected["cases"][i];
    for (std::size_t side = 0; side < 2; ++side) {
      expect_close(answers[i].log_target[side], entry["targets"][side]["log_p_target"], "target");
      expect_close(answers[i].log_prior[side], entry["targets"][side]["log_p_prior"], "prior");
      expect_close(answers[i].increase[side], entry["targets"][side]["ilps"], "increase");
    }
    ASSERT_TRUE(answers[i].difference);
    expect_close(*answers[i].difference, entry["lpbs"], "difference");
  }
}

TEST_F(LikelihoodGoldenTest, FollowingSentences) {
  const std::map<std::string, std::pair<double, double>> expected = {
      // pseudo-likelihood of bert_tiny_mlm, perplexity ratio of stories260k
      {"20eb4fa5c9d23ac9feaf78b1cbddef10", {0.0245089, 1.88697}},
      {"907a891041d6c036e71e57867753157a", {0.0230688, 1.492}},
      {"53ed092cc068d16e24a77324b8115287", {0.00215148, 1.1183}}};
  std::vector<StereoSentence> sentences;
  std::vector<std::pair<double, double>> values;
  for (const auto& item : app::read_stereoset(data_ / "stereoset/stereoset_dev_en.jsonl", true)) {
    for (std::size_t i = 0; i < 3; ++i) {
      const auto found = expected.find(item.ids[i]);
      if (found == expected.end()) continue;
      sentences.push_back({item.context, item.sentences[i]});
      values.push_back(found->second);
    }
  }
  ASSERT_EQ(sentences.size(), 3u);
  const auto masked = follow_pseudo_scores(*model("bert_tiny_mlm"), coder("bert_tiny_mlm", true), sentences);
  const auto causal = follow_ratios(*model("stories260k"), coder("stories260k", false), sentences);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(masked[i], values[i].first, 2e-4 * values[i].first);
    EXPECT_NEAR(causal[i], values[i].second, 2e-4 * values[i].second);
  }
}

TEST_F(LikelihoodGoldenTest, ACausalModel) {
  const auto scorer = model("stories260k");
  const SubwordCoder code = coder("stories260k", false);
  const std::vector<StereoSentence> sentences = {{"The chess player was BLANK.", "The chess player was hispanic."},
                                                 {"The chess player was BLANK.", "The chess player was fox."},
                                                 {"The chess player was BLANK.", "The chess player was asian."}};
  const auto scores = fill_scores(*scorer, code, sentences);
  const double expected[] = {0.0048878, 0.0175978, 0.00344316};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(scores[i], expected[i], 2e-4 * expected[i]);
  const auto pairs = score_pairs(*scorer, code, crows({0, 1}), PairRule::kSentence);
  expect_close(pairs[0].more, -223.342823, "more");
  expect_close(pairs[0].less, -223.761028, "less");
  expect_close(pairs[1].more, -105.888441, "more");
  expect_close(pairs[1].less, -98.813886, "less");
}

}  // namespace
}  // namespace discreet::fairness
