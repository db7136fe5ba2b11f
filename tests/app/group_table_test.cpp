#include "discreet/app/group_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "discreet/app/membership_scores.h"
#include "discreet/core/error.h"

namespace discreet::app {
namespace {

std::filesystem::path group_file(const std::string& name, const std::string& text) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("discreet_groups_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary) << text;
  return folder / name;
}

std::string toy(const std::string& header, const std::string& y, const std::string& p,
                const std::string& g) {
  std::string text = header;
  for (std::size_t i = 0; i < y.size(); ++i) {
    text += std::string(1, y[i]) + "," + p[i] + "," + g[i] + "\n";
  }
  return text;
}

Json find_result(const Json& document, const std::string& metric) {
  for (const Json& result : document["results"]) {
    if (result["metric"] == metric) return result;
  }
  return nullptr;
}

GroupQuestion question() {
  GroupQuestion asked;
  asked.label = "y";
  asked.prediction = "p";
  asked.group = {"g"};
  asked.options.resamples = 100;
  return asked;
}

TEST(GroupTable, OracleOfThePageAsADocument) {
  // fairness.md 6.2, third toy: group c has no positives.
  const auto file =
      group_file("toy.csv", toy("y,p,g\n", "11001100000", "10101100100", "aaaabbbbccc"));
  const Json document = groups_of_table(file, question());
  core::validate_document(document, "test");
  EXPECT_EQ(document["n"], 11);
  const Json odds = find_result(document, "equalized_odds_difference");
  EXPECT_NEAR(odds["value"].get<double>(), 0.5, 1e-12);
  EXPECT_EQ(odds["excluded"], Json::array({{{"g", "c"}}}));
  const Json& c = document["by_group"][2];
  EXPECT_TRUE(c["true_positive_rate"].is_null());
  EXPECT_EQ(c["true_positive_rate_reason"], "no examples with a positive label");
  EXPECT_EQ(c["counts"]["true_positive_rate"], 0);
  EXPECT_FALSE(c["ci"].contains("true_positive_rate"));
}

TEST(GroupTable, IntersectionsAndRowsWithoutAGroup) {
  std::string text = "{\"y\":1,\"p\":1,\"g\":\"a\",\"h\":null}\n";
  for (int i = 0; i < 12; ++i) {
    text +=
        "{\"y\":1,\"p\":1,\"g\":\"a\",\"h\":\"u\"}\n{\"y\":1,\"p\":0,\"g\":\"b\",\"h\":\"v\"}\n"
        "{\"y\":0,\"p\":0,\"g\":\"a\",\"h\":\"v\"}\n";
  }
  GroupQuestion asked = question();
  asked.group = {"g", "h"};
  const Json document = groups_of_table(group_file("i.jsonl", text), asked);
  core::validate_document(document, "test");
  EXPECT_EQ(document["n"], 36);
  ASSERT_EQ(document["by_group"].size(), 3U);
  EXPECT_EQ(document["by_group"][1]["group"], (Json{{"g", "a"}, {"h", "v"}}));
  const std::string caveats = document["caveats"].dump();
  EXPECT_NE(caveats.find("1 rows have no group"), std::string::npos);
  EXPECT_NE(caveats.find("1 of 4 combinations"), std::string::npos);
}

TEST(GroupTable, ScoresAreCutAtTheThreshold) {
  const auto file = group_file("s.csv", "y,s,g\n1,.7,a\n0,.6,a\n1,.2,b\n0,.1,b\n");
  GroupQuestion asked = question();
  asked.prediction = "";
  asked.score = "s";
  asked.threshold = 0.6;
  const Json document = groups_of_table(file, asked);
  EXPECT_EQ(document["by_group"][0]["selection_rate"], 1.0);
  EXPECT_EQ(document["by_group"][1]["selection_rate"], 0.0);
  EXPECT_EQ(document["by_group"][0]["roc_auc"], 1.0);
}

TEST(GroupTable, ClassesMayBeManyOrOneAgainstTheRest) {
  const auto file = group_file("m.csv", "y,p,g\nx,x,a\nz,x,a\nx,x,b\nw,w,b\n");
  const Json many = groups_of_table(file, question());
  EXPECT_EQ(many["by_group"][0]["accuracy"], 0.5);
  EXPECT_FALSE(many["by_group"][0].contains("selection_rate"));
  GroupQuestion asked = question();
  asked.positive = "x";
  const Json one = groups_of_table(file, asked);
  EXPECT_EQ(one["by_group"][1]["selection_rate"], 0.5);
  asked.positive = "q";
  EXPECT_THROW(groups_of_table(file, asked), Error);
}

TEST(GroupTable, RefusesWhatItCannotRead) {
  const auto file = group_file("r.csv", "y,p,g\n1,1,a\n0,,b\n");
  EXPECT_THROW(groups_of_table(file, question()), Error);
  GroupQuestion asked = question();
  asked.score = "p";
  EXPECT_THROW(groups_of_table(file, asked), Error);
  asked = question();
  asked.group = {};
  EXPECT_THROW(groups_of_table(file, asked), Error);
  EXPECT_THROW(groups_of_table(group_file("none.csv", "y,p,g\n1,1,\n"), question()), Error);
}

TEST(MembershipScores, DocumentFromAFile) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "{\"member\":" + std::to_string(i % 2) + ",\"score\":" + std::to_string(i % 7) + "}\n";
  }
  const auto file = group_file("scores.jsonl", text + "{\"member\":true,\"score\":\"inf\"}\n");
  const Json document = membership_of_scores(file, {.report = {.statistics = {.resamples = 50}}});
  core::validate_document(document, "test");
  EXPECT_EQ(document["results"][0]["attack"], "scores");
  EXPECT_EQ(document["results"][0]["n_members"], 21);
  EXPECT_EQ(document["inputs"][0]["role"], "scores");
  EXPECT_THROW(membership_of_scores(group_file("bad.jsonl", "{\"member\":2,\"score\":1}\n")),
               Error);
  EXPECT_THROW(membership_of_scores(group_file("one.jsonl", "{\"member\":1,\"score\":1}\n")),
               Error);
}

}  // namespace
}  // namespace discreet::app
