// What the study of leakage says of results that are made up.
#include <gtest/gtest.h>

#include "discreet/app/study.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"

namespace discreet::app {
namespace {

Study leakage_study() { return core::registry().make<MakeStudy>("study", "leakage")(); }

/// A cell whose attack finds about `tpr` of the canaries, with five seeds.
Json made_up(double tpr, double accuracy, const Json& epsilon, std::uint64_t seed, bool canaries = true) {
  core::ReproducibleRng rng(seed);
  Json seeds = Json::array();
  for (int s = 0; s < 5; ++s) {
    Json one = {{"accuracy", accuracy + 0.001 * s}, {"gap_by_label", .1}, {"gap_by_length", .02},
                {"gap_by_group", {{"gender", .01}, {"dialect", .05}}}};
    if (canaries) {
      std::vector<int> in;
      std::vector<double> scores, blind;
      for (int i = 0; i < 400; ++i) {
        in.push_back(i % 2);
        scores.push_back(i % 2 == 1 && rng.uniform() < tpr ? 2 + rng.uniform() : rng.uniform());
        blind.push_back(rng.uniform());
      }
      one["in"] = in;
      for (const char* attack : {"lira-online", "lira-offline", "rmia-offline", "loss"}) {
        one["scores"][attack] = scores;
        one["ordinary_auc"][attack] = .6;
      }
      one["scores"]["blind"] = blind;
      one["blind_auc"] = .5;
    }
    seeds.push_back(one);
  }
  return {{"seeds", seeds}, {"models", 37}, {"examples_each", 2250}, {"seconds", 10.0}, {"stacked", true}, {"epsilon", epsilon}};
}

/// Results of the quick preset: DP-SGD finds `tprs` at its epsilons in order, without privacy .8.
StudyResults results_of(const std::vector<double>& tprs, double private_accuracy) {
  StudyResults results;
  std::size_t next = 0;
  std::uint64_t seed = 1;
  for (const StudyCell& cell : leakage_study().cells(StudyPreset::kQuick)) {
    const std::string arm = cell.request["arm"];
    const Json& epsilon = cell.request["epsilon"];
    ++seed;
    if (cell.request["canaries"] == 0) results[cell.name] = made_up(0, .95, "inf", seed, false);
    else if (arm == "dp-sgd") results[cell.name] = made_up(tprs[next++], private_accuracy, epsilon, seed);
    else if (!epsilon.is_null()) results[cell.name] = made_up(.3, private_accuracy, epsilon, seed);
    else results[cell.name] = made_up(.8, .94, "inf", seed);
  }
  return results;
}

std::string first_verdict(const StudyResults& results) {
  return leakage_study().analyse(StudyPreset::kQuick, results)["verdicts"][0]["verdict"];
}

TEST(StudyLeakage, VerdictsFollowTheRuleThatWasFixed) {
  EXPECT_EQ(first_verdict(results_of({.01, .05, .1, .2, .5}, .94)), "reproduced");
  // No trend: every epsilon leaves as much.
  EXPECT_EQ(first_verdict(results_of({.2, .2, .2, .2, .2}, .94)), "inconclusive");
  // A trend, but too dear.
  EXPECT_EQ(first_verdict(results_of({.01, .05, .1, .2, .5}, .80)), "inconclusive");
  // Loose epsilons leave more than half of what is found without privacy.
  EXPECT_EQ(first_verdict(results_of({.2, .5, .6, .7, .75}, .94)), "not reproduced");
}

TEST(StudyLeakage, EveryArmHasItsRowsAndAPlaceInTheChart) {
  const Json said = leakage_study().analyse(StudyPreset::kQuick, results_of({.01, .05, .1, .2, .5}, .94));
  std::size_t attacked = 0;
  for (const StudyCell& cell : leakage_study().cells(StudyPreset::kQuick)) attacked += cell.name.starts_with("bow-");
  EXPECT_EQ(said["results"].size(), attacked);
  EXPECT_EQ(said["tables"][4]["rows"].size(), 4U);
  EXPECT_EQ(said["tables"][4]["rows"][0][3], "0.050 [0.050, 0.050]");
  for (const Json& result : said["results"]) {
    if (result["arm"] != "none") continue;
    const double tpr = result["tpr_at_fpr"]["0.01"];
    EXPECT_NEAR(tpr, .8, .06);
    EXPECT_LT(result["ci"]["clopper_pearson"][0].get<double>(), tpr);
    EXPECT_EQ(result["n_nonmembers"], 1000);
  }
  ASSERT_EQ(said["pictures"].size(), 1U);
  const std::string svg = said["pictures"][0]["svg"];
  EXPECT_NE(svg.find("early-stopping"), std::string::npos);
  EXPECT_NE(svg.find("</svg>"), std::string::npos);
  // A part of the cells: what is missing is left out.
  StudyResults part = results_of({.01, .05, .1, .2, .5}, .94);
  part.erase("bow-none");
  EXPECT_EQ(first_verdict(part), "inconclusive");
}

}  // namespace
}  // namespace discreet::app
