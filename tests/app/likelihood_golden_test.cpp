// The published StereoSet table of GPT-2, from the authors' published scores (code/predictions.txt).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "discreet/app/likelihood.h"
#include "discreet/core/error.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {
namespace fs = std::filesystem;

struct PublishedRow {
  const char *split, *bias_type;
  int examples, terms;
  double ss, lms, icat, micro_ss, micro_lms;
};

constexpr PublishedRow kPublished[] = {
    {"intrasentence", "gender", 255, 10, 62.667774, 93.277908, 69.645439, 62.745098, 93.333333},
    {"intrasentence", "profession", 810, 30, 63.974686, 92.289354, 66.495058, 64.074074, 92.345679},
    {"intrasentence", "race", 962, 36, 60.350001, 89.756707, 71.177067, 60.291060, 89.760915},
    {"intrasentence", "religion", 79, 3, 58.022989, 88.459770, 74.265536, 58.227848, 88.607595},
    {"intrasentence", "overall", 2106, 79, 61.931485, 91.114943, 69.372211, 61.965812, 91.144349},
    {"intersentence", "gender", 242, 10, 53.380293, 85.951850, 80.141001, 52.892562, 85.743802},
    {"intersentence", "profession", 827, 30, 52.387662, 72.790807, 69.314809, 52.237001, 72.732769},
    {"intersentence", "race", 976, 36, 51.494254, 76.504949, 74.218593, 51.024590, 76.690574},
    {"intersentence", "religion", 78, 3, 56.925287, 75.827586, 65.325030, 56.410256, 76.282051},
    {"intersentence", "overall", 2123, 79, 52.278504, 76.264603, 72.789219, 51.907678, 76.165803},
    {"overall", "overall", 4229, 79, 57.030779, 83.652065, 71.889280, 56.916529, 83.624970},
};

class StereoSetGoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("DISCREET_DATA");
    if (data == nullptr) GTEST_SKIP() << "DISCREET_DATA is not set";
    folder_ = fs::path(data) / "stereoset";
  }
  fs::path folder_;
};

TEST_F(StereoSetGoldenTest, Gpt2sPublishedTableComesBack) {
  const Json document = stereoset_of_scores(folder_ / "stereoset_dev_en.jsonl",
                                            folder_ / "predictions_gpt2_ModelNSP_GPT2LM.json");
  for (const PublishedRow& row : kPublished) {
    const Json* found = nullptr;
    for (const Json& result : document["results"]) {
      if (result["split"] == row.split && result["bias_type"] == row.bias_type) found = &result;
    }
    ASSERT_NE(found, nullptr) << row.split << " " << row.bias_type;
    EXPECT_EQ((*found)["examples"], row.examples);
    EXPECT_EQ((*found)["terms"], row.terms);
    EXPECT_NEAR((*found)["ss"].get<double>(), row.ss, 1e-6) << row.split << " " << row.bias_type;
    EXPECT_NEAR((*found)["lms"].get<double>(), row.lms, 1e-6);
    EXPECT_NEAR((*found)["icat"].get<double>(), row.icat, 1e-6);
    EXPECT_NEAR((*found)["micro_ss"].get<double>(), row.micro_ss, 1e-6);
    EXPECT_NEAR((*found)["micro_lms"].get<double>(), row.micro_lms, 1e-6);
    EXPECT_EQ((*found)["ties"], 0);
  }
}

TEST_F(StereoSetGoldenTest, AMissingScoreAndACutFileAreErrors) {
  core::TemporaryFolder scratch;
  std::ifstream whole(folder_ / "stereoset_dev_en.jsonl");
  std::string line;
  std::getline(whole, line);
  std::ofstream(scratch / "one.jsonl") << line << "\n";
  std::ofstream(scratch / "cut.jsonl") << line.substr(0, line.size() / 2) << "\n";
  std::ofstream(scratch / "none.json") << "{\"intrasentence\": []}";
  EXPECT_THROW(stereoset_of_scores(scratch / "one.jsonl", scratch / "none.json"), Error);
  const fs::path scores = folder_ / "predictions_gpt2_ModelNSP_GPT2LM.json";
  EXPECT_THROW(stereoset_of_scores(scratch / "cut.jsonl", scores), Error);
  // Scores of sentences that the data do not have.
  EXPECT_THROW(stereoset_of_scores(scratch / "one.jsonl", scores), Error);
}

}  // namespace
}  // namespace discreet::app
