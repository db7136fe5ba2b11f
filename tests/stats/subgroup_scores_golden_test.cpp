// Oracles of Borkan et al. 2019's toy (model_bias_analysis_test of the Jigsaw code), Garg et al. 2019 and the
// Bios gap, recomputed in double precision.
#include "discreet/stats/subgroup_scores.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/class_recall.h"
#include "discreet/stats/counterfactual_gap.h"

namespace discreet::stats {
namespace {

/// Negatives background .1 .2 .3, subgroup .21 .31 .55; positives background .5 .8 .9, subgroup .4 .6 .71.
struct JigsawToy {
  std::vector<double> score = {.1, .2, .3, .21, .31, .55, .5, .8, .9, .4, .6, .71};
  std::vector<std::int64_t> label = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
  std::vector<std::uint8_t> subgroup = {0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1};
  std::vector<std::uint8_t> other = {1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0};
  SubgroupData view() const { return {score, label, {subgroup, other}}; }
};

double result(const SubgroupReport& report, const std::string& name) {
  for (const GroupGap& gap : report.results) {
    if (gap.metric == name) return gap.value.value();
  }
  throw std::runtime_error("no result " + name);
}

TEST(SubgroupScoresGolden, JigsawToy) {
  const JigsawToy toy;
  const SubgroupReport r = subgroup_report(toy.view(), {.resamples = 50});
  EXPECT_NEAR(*r.by_group[0].subgroup_auc.value, 8.0 / 9, 1e-12);
  EXPECT_NEAR(*r.by_group[0].bpsn_auc.value, 8.0 / 9, 1e-12);
  EXPECT_NEAR(*r.by_group[0].bnsp_auc.value, 1, 1e-12);
  EXPECT_NEAR(*r.by_group[0].negative_aeg.value, .388888889, 1e-9);
  EXPECT_NEAR(*r.by_group[0].positive_aeg.value, -.277777778, 1e-9);
  EXPECT_NEAR(*r.overall_auc.value, .944444444, 1e-9);
  EXPECT_NEAR(*r.by_group[1].subgroup_auc.value, 1, 1e-12);
  EXPECT_NEAR(*r.by_group[1].bpsn_auc.value, 1, 1e-12);
  EXPECT_NEAR(*r.by_group[1].bnsp_auc.value, 8.0 / 9, 1e-12);
  for (const char* name : {"subgroup_auc_power_mean", "bpsn_auc_power_mean", "bnsp_auc_power_mean"}) {
    EXPECT_NEAR(result(r, name), .934784206855, 1e-11) << name;
  }
  EXPECT_NEAR(result(r, "unintended_bias_score"), .937199266252, 1e-11);
  EXPECT_NEAR(result(r, "roc_auc_difference"), 1.0 / 9, 1e-12);
  // DeLong on the logit scale: overall [.593327264, .994976985].
  EXPECT_NEAR(r.overall_auc.ci->low, .593327264, 1e-8);
  EXPECT_NEAR(r.overall_auc.ci->high, .994976985, 1e-8);
}

TEST(SubgroupScoresGolden, SquaredGapsOfTheTwoRatesDiffer) {
  const JigsawToy toy;
  const SubgroupReport r = subgroup_report(toy.view(), {.resamples = 50});
  // Every step of the background's curve: TPR of positives. At thresholds just at or below .9, .8, .5 the background
  // rises to 1/3, 2/3, 1; the subgroup stands there at 0, 0, 2/3. Trapezoids: squared gaps (0,1/9), (1/9 -> at .71 .6
  // nothing of the background moves, before .8: gap 2/3 - 0), (… , 1/3).
  EXPECT_GT(*r.by_group[0].positive_aseg.value, 0);
  EXPECT_GT(*r.by_group[0].negative_aseg.value, 0);
  EXPECT_GT(std::abs(*r.by_group[0].positive_aseg.value - *r.by_group[0].negative_aseg.value), .01);
  // Equal distributions have no gap.
  const SubgroupData same{toy.score, toy.label, {std::vector<std::uint8_t>(12, 1)}};
  EXPECT_FALSE(subgroup_report(same, {.resamples = 50}).by_group[0].positive_aseg.value);
}

TEST(SubgroupScoresGolden, PowerMeansAndDistances) {
  EXPECT_NEAR(*power_mean(std::vector<double>{.9, .8, .7}), .7755087912021006, 1e-15);
  EXPECT_NEAR(*power_mean(std::vector<double>{.85, .65, .75, .95}), .7543215355162611, 1e-15);
  EXPECT_FALSE(power_mean({}));
  EXPECT_NEAR(wasserstein({.1, .4, .7}, {.2, .5, .9}), .133333333, 1e-9);
  EXPECT_NEAR(wasserstein({.1, .4, .7, .9}, {.3, .6}), .175, 1e-12);
}

TEST(SubgroupScoresGolden, ASubgroupOfOneClassHasNoAuc) {
  JigsawToy toy;
  for (std::size_t i = 9; i < 12; ++i) toy.label[i] = 0;  // the subgroup has negatives alone
  const SubgroupReport r = subgroup_report(toy.view(), {.resamples = 50});
  EXPECT_FALSE(r.by_group[0].subgroup_auc.value);
  EXPECT_EQ(r.by_group[0].subgroup_auc.reason, "the subgroup has one class only");
  EXPECT_EQ(r.results[0].excluded, (std::vector<std::uint32_t>{0}));
  EXPECT_NEAR(*r.results[0].value, 1, 1e-12);  // of the other subgroup alone
}

TEST(SubgroupScoresGolden, SummaryEqualsItsParts) {
  core::ReproducibleRng rng(9);
  std::vector<double> score;
  std::vector<std::int64_t> label;
  std::vector<std::vector<std::uint8_t>> member(3);
  for (int i = 0; i < 300; ++i) {
    score.push_back(std::round(rng.uniform() * 50) / 50);  // with ties
    label.push_back(rng.below(2) == 1 ? 1 : 0);
    for (auto& list : member) list.push_back(rng.below(3) == 0 ? 1 : 0);
  }
  const SubgroupReport r = subgroup_report({score, label, member}, {.resamples = 50});
  std::vector<double> aucs, errors;
  double most = 0;
  for (const SubgroupScores& group : r.by_group) {
    aucs.push_back(*group.subgroup_auc.value);
    errors.push_back(*group.calibration_error.value);
    most = std::max(most, *group.wasserstein.value);
  }
  EXPECT_NEAR(result(r, "subgroup_auc_power_mean"), *power_mean(aucs), 1e-12);
  EXPECT_NEAR(result(r, "wasserstein_max"), most, 1e-12);
  const auto [low, high] = std::minmax_element(errors.begin(), errors.end());
  EXPECT_NEAR(result(r, "calibration_error_difference"), *high - *low, 1e-12);
}

TEST(CounterfactualGapGolden, MeanOfMeansIsNotPooled) {
  const std::vector<double> score = {.8, .6, .9, .3, .35, .55, .45, .5, .2, .7};
  const std::vector<std::uint32_t> set = {0, 0, 0, 1, 1, 2, 2, 2, 2, 3};
  const std::vector<std::uint8_t> original = {1, 0, 0, 1, 0, 1, 0, 0, 0, 1};
  const CounterfactualGap gap = counterfactual_gap({score, set, original}, .5, {.resamples = 100});
  EXPECT_NEAR(*gap.mean_of_means.value, .122222222, 1e-9);
  EXPECT_NEAR(*gap.pooled.value, .141666667, 1e-9);
  EXPECT_NEAR(*gap.flip_rate.value, 2.0 / 6, 1e-12);
  EXPECT_EQ(gap.flips, 2U);
  EXPECT_EQ(gap.originals, 3U);
  EXPECT_EQ(gap.without_copy, 1U);
  const std::vector<std::uint8_t> twice(10, 1);
  EXPECT_THROW(counterfactual_gap({score, set, twice}, .5), Error);
  EXPECT_FALSE(counterfactual_gap({}, .5).pooled.value);
}

TEST(ClassRecallGolden, GapsByClassAndTheirRootMeanSquare) {
  // Three classes, two groups of ten examples a class: recalls .5 .7 .6 and .6 .5 .65 (of 20): gaps .1, -.2, .05.
  std::vector<std::uint32_t> group;
  std::vector<std::int64_t> label, prediction;
  const int right[2][3] = {{10, 14, 12}, {12, 10, 13}};
  for (std::uint32_t g = 0; g < 2; ++g) {
    for (std::int64_t c = 0; c < 3; ++c) {
      for (int i = 0; i < 20; ++i) {
        group.push_back(g);
        label.push_back(c);
        prediction.push_back(i < right[g][c] ? c : (c + 1) % 3);
      }
    }
  }
  const GroupedPredictions data{.group = group, .groups = 2, .label = label, .prediction = prediction, .binary = false};
  const ClassRecall found = class_recall(data, 3, {.resamples = 50});
  EXPECT_NEAR(*found.gaps[0].value, .1, 1e-12);
  EXPECT_NEAR(*found.gaps[1].value, .2, 1e-12);
  EXPECT_NEAR(*found.gaps[2].value, .05, 1e-12);
  EXPECT_NEAR(*found.rms.value, .132287566, 1e-9);
  const ClassRecall wider = class_recall(data, 4, {.resamples = 50});
  EXPECT_FALSE(wider.gaps[3].value);
  EXPECT_NEAR(*wider.rms.value, .132287566, 1e-9);
  EXPECT_EQ(wider.recall[3][0].reason, "no examples of this class");
}

}  // namespace
}  // namespace discreet::stats
