// The published word2vec figures of Caliskan et al. 2017, from the vectors of their words.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "discreet/app/association.h"
#include "discreet/core/error.h"
#include "discreet/core/json.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

class AssociationGoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("DISCREET_DATA");
    if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
    data_ = data;
  }
  Json run(const fs::path& vectors, const std::string& test, bool lowercase = false) {
    AssociationQuestion question;
    question.tests = {test};
    question.lowercase = lowercase;
    question.resamples = 0;
    return associations_of_vectors(data_ / vectors, question)["results"][0];
  }
  fs::path data_;
};

void expect_counts(const Json& result, int above, int at_least, int two_sided) {
  EXPECT_EQ(result["partitions"]["all"], 12870);
  EXPECT_EQ(result["partitions"]["above"], above);
  EXPECT_EQ(result["partitions"]["at_least"], at_least);
  EXPECT_EQ(result["partitions"]["two_sided"], two_sided);
}

TEST_F(AssociationGoldenTest, Word2VecRows) {
  const fs::path vectors = "weat/weat_w2v_347x300.txt";
  Json result = run(vectors, "weat1");
  EXPECT_NEAR(result["statistic"].get<double>(), 1.407829, 1e-6);
  EXPECT_NEAR(result["effect_size"].get<double>(), 1.539347, 1e-6);
  EXPECT_NEAR(result["effect_size_ddof0"].get<double>(), 1.554976, 1e-6);
  EXPECT_EQ(result["method"], "sampled");
  result = run(vectors, "weat6");
  EXPECT_NEAR(result["statistic"].get<double>(), 1.251610, 1e-6);
  EXPECT_NEAR(result["effect_size"].get<double>(), 1.889868, 1e-6);
  expect_counts(result, 0, 1, 2);
  result = run(vectors, "weat7");
  EXPECT_NEAR(result["effect_size"].get<double>(), 0.966414, 1e-6);
  expect_counts(result, 291, 292, 584);
  result = run(vectors, "weat8");
  EXPECT_NEAR(result["effect_size"].get<double>(), 1.243855, 1e-6);
  expect_counts(result, 51, 52, 104);
}

TEST_F(AssociationGoldenTest, GloveRowsInLowerCaseAndWithLostWords) {
  const fs::path vectors = "glove_6b_100d/glove.6B.100d.top50k.txt.gz";
  Json result = run(vectors, "weat6", true);
  EXPECT_NEAR(result["statistic"].get<double>(), 1.7322837520, 1e-6);
  EXPECT_NEAR(result["effect_size"].get<double>(), 1.7177673188, 1e-6);
  result = run(vectors, "weat8", true);
  EXPECT_NEAR(result["effect_size"].get<double>(), 1.1228573139, 1e-6);
  expect_counts(result, 107, 108, 216);
  result = run(vectors, "weat1", true);
  EXPECT_NEAR(result["effect_size"].get<double>(), 1.1927288797, 1e-6);
  EXPECT_EQ(result["sets"]["X"]["found"], 13);
  EXPECT_EQ(result["sets"]["B"]["found"], 25);
}

TEST_F(AssociationGoldenTest, AnEmptySetHasNoFiguresAndSaysWhy) {
  for (const char* test : {"weat3", "weat4", "weat5"}) {
    const Json result = run("weat/weat_w2v_347x300.txt", test);
    EXPECT_TRUE(result["effect_size"].is_null()) << test;
    EXPECT_EQ(result["sets"]["Y"]["found"], 0) << test;
    EXPECT_TRUE(result["effect_size_reason"].is_string());
  }
}

TEST_F(AssociationGoldenTest, BuiltInListsAreThePublishedOnes) {
  const auto lists = read_word_lists(data_ / "weat/weat_wordlists.json");
  std::size_t matched = 0;
  for (const std::string& name : built_in_tests()) {
    const AssociationTest test = built_in_test(name);
    for (const WordList* list : {&test.x, &test.y, &test.a, &test.b}) {
      for (const auto& [other, known] : lists) matched += known.hash() == list->hash();
    }
  }
  EXPECT_EQ(matched, 40u);
}

}  // namespace
}  // namespace discreet::app
