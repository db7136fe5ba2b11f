// What the study of fairness metrics says of results that are made up.
#include <gtest/gtest.h>

#include "discreet/app/study.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

Study metrics_study() { return core::registry().make<MakeStudy>("study", "fairness-metrics")(); }

constexpr const char* kAligned[] = {"ilps, task's professions", "seat, task's professions", "ceat, task's professions"};
constexpr const char* kMisaligned[] = {"ilps, other professions", "seat, names and career", "stereoset, gender", "stereoset, race",
                                       "crows-pairs, gender"};
constexpr const char* kExtrinsic[] = {"tpr gap along the lean", "tpr gap, root mean square", "equalised odds, leaning professions",
                                      "bpsn auc, women", "bnsp auc, women", "counterfactual gap", "counterfactual flip rate"};

/// Metrics of language models tell the upstream skew; those of tasks are `up` parts of it and `down` of their own.
StudyResults made_up(double up, double down) {
  StudyResults results;
  core::ReproducibleRng rng(3);
  for (const StudyCell& cell : metrics_study().cells(StudyPreset::kFull)) {
    const double upstream = cell.request["upstream"];
    Json intrinsic = Json::object(), tasks = Json::array();
    for (const char* name : kAligned) intrinsic[name] = upstream + .01 * rng.normal();
    for (const char* name : kMisaligned) intrinsic[name] = rng.normal();
    for (const double skew : cell.request["downstream"]) {
      Json task = {{"skew", skew}, {"accuracy", .9}};
      for (const char* name : kAligned) task[name + std::string(", after")] = upstream + .01 * rng.normal();
      for (const char* name : kExtrinsic) {
        const bool low_is_bias = std::string(name).starts_with("bpsn");
        const double bias = up * upstream + down * skew + .001 * cell.request["seed"].get<int>();
        task[name] = low_is_bias ? 1 - bias : bias;
      }
      tasks.push_back(task);
    }
    results[cell.name] = {{"intrinsic", intrinsic}, {"tasks", tasks}};
  }
  return results;
}

std::string verdict_of(const Json& said, std::size_t which) { return said["verdicts"][which]["verdict"]; }

TEST(FairnessMetricsStudy, HasSeventyFiveModels) {
  std::size_t models = 0;
  for (const StudyCell& cell : metrics_study().cells(StudyPreset::kFull)) models += cell.request["downstream"].size();
  EXPECT_EQ(models, 75u);
}

TEST(FairnessMetricsStudy, TasksThatKeepNothingOfTheLanguageModelDoNotCorrelate) {
  const Json said = metrics_study().analyse(StudyPreset::kFull, made_up(0, 1));
  EXPECT_EQ(verdict_of(said, 0), "reproduced") << said["verdicts"][0];
  EXPECT_EQ(verdict_of(said, 2), "reproduced") << said["verdicts"][2];
}

TEST(FairnessMetricsStudy, TasksThatKeepItDoAndAlignmentShows) {
  const Json said = metrics_study().analyse(StudyPreset::kFull, made_up(1, .1));
  EXPECT_EQ(verdict_of(said, 0), "not reproduced") << said["verdicts"][0];
  EXPECT_EQ(verdict_of(said, 1), "reproduced") << said["verdicts"][1];
  EXPECT_EQ(verdict_of(said, 2), "not reproduced") << said["verdicts"][2];
  // Less BPSN AUC is more bias: no pair of aligned metrics may come out turned.
  for (const Json& pair : said["results"]) {
    if (pair["x"].get<std::string>().find("task's") != std::string::npos) {
      EXPECT_GT(pair["r"].get<double>(), .9) << pair;
    }
  }
}

TEST(FairnessMetricsStudy, OnlyWholeSeedsAreAnalysed) {
  StudyResults results = made_up(1, .1);
  results.erase("upstream50-seed3");
  const Json said = metrics_study().analyse(StudyPreset::kFull, results);
  EXPECT_EQ(said["results"][0]["n"], 50);
  EXPECT_NE(said["caveats"].dump().find("2 of 3 seeds"), std::string::npos);
}

TEST(FairnessMetricsStudy, SaysNothingOfNothing) {
  for (const bool some : {false, true}) {
    StudyResults results = made_up(1, .1);
    while (results.size() > (some ? 1u : 0u)) results.erase(results.begin());
    const Json said = metrics_study().analyse(StudyPreset::kFull, results);
    EXPECT_EQ(verdict_of(said, 0), "inconclusive");
    EXPECT_EQ(verdict_of(said, 1), "inconclusive");
    EXPECT_EQ(verdict_of(said, 2), "inconclusive");
    EXPECT_EQ(said.dump().find("nan"), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace discreet::app
