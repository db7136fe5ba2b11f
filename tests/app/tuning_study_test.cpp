#include "discreet/app/internal/tuning_study.h"

#include <set>

#include <gtest/gtest.h>

namespace discreet::app {
namespace {

TEST(TuningStudy, ACellForEachRuleAndSeedSaysAllThatItDependsOn) {
  const auto cells = tuning_cells(3);
  ASSERT_EQ(cells.size(), 9u);
  std::set<std::string> names;
  for (const StudyCell& cell : cells) {
    names.insert(cell.name);
    EXPECT_EQ(cell.request["kind"], "tuning");
    for (const char* key : {"rule", "seed", "rates", "clip_norms", "epsilon", "runs"}) {
      EXPECT_TRUE(cell.request.contains(key)) << key;
    }
  }
  EXPECT_EQ(names.size(), 9u);
}

TEST(TuningStudy, RowsAreThoseOfFinishedRulesWithWhatTheySpent) {
  const StudyResults finished = {
      {"tuning-fixed-1", {{"intent_accuracy", 0.5}, {"spent", 3.0}, {"trained", 1}}},
      {"tuning-fixed-2", {{"intent_accuracy", 0.6}, {"spent", 3.0}, {"trained", 1}}},
      {"tuning-unpaid-2", {{"intent_accuracy", 0.8}, {"spent", 11.5}, {"trained", 12}}},
  };
  Json results = Json::array();
  const Json table = analyse_tuning(3, finished, results);
  ASSERT_EQ(table["rows"].size(), 2u);
  EXPECT_EQ(table["rows"][0][2], "3.00");
  EXPECT_EQ(table["rows"][0][4], "2");
  EXPECT_EQ(table["rows"][1][1], "3.00");  // stated, though more was spent
  EXPECT_EQ(table["rows"][1][2], "11.50");
  EXPECT_EQ(table["rows"][1][3], "0.800");  // no interval from one seed
  EXPECT_EQ(results.size(), 3u);
}

}  // namespace
}  // namespace discreet::app
