#include "discreet/stats/classification.h"

#include <gtest/gtest.h>

#include <vector>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

TEST(Classification, HandTable) {
  // gold 0 0 0 1 1 2, predicted 0 0 1 1 2 2; a fourth class is neither seen nor guessed.
  ConfusionMatrix confusion(4);
  const std::vector<std::int64_t> gold = {0, 0, 0, 1, 1, 2}, predicted = {0, 0, 1, 1, 2, 2};
  confusion.add(gold, predicted);
  const ClassificationScores scores = classification_scores(confusion);
  EXPECT_EQ(scores.n, 6U);
  EXPECT_DOUBLE_EQ(*scores.accuracy, 4.0 / 6);
  // F1: 0: 2*2/(3+2) = .8; 1: 2*1/(2+2) = .5; 2: 2*1/(1+2) = 2/3.
  EXPECT_DOUBLE_EQ(*scores.macro_f1, (0.8 + 0.5 + 2.0 / 3) / 3);
  EXPECT_DOUBLE_EQ(*scores.weighted_f1, (3 * 0.8 + 2 * 0.5 + 2.0 / 3) / 6);
  EXPECT_DOUBLE_EQ(*scores.micro_f1, *scores.accuracy);
  EXPECT_EQ(scores.scored_classes, 3U);
  EXPECT_DOUBLE_EQ(scores.accuracy_ci->low, wilson(4, 6).low);
}

TEST(Classification, NothingHasNoAccuracy) {
  const ClassificationScores scores = classification_scores(ConfusionMatrix(3));
  EXPECT_FALSE(scores.accuracy);
  EXPECT_FALSE(scores.macro_f1);
  const PrecisionRecall none = precision_recall(0, 0, 0);
  EXPECT_FALSE(none.precision || none.recall || none.f1);
  EXPECT_EQ(*precision_recall(0, 3, 0).f1, 0);
}

TEST(Classification, MergeIsAddition) {
  ConfusionMatrix a(2), b(2), both(2);
  a.add(0, 1);
  b.add(1, 1, 3);
  both.add(0, 1);
  both.add(1, 1, 3);
  a.merge(b);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 2; ++j) EXPECT_EQ(a.at(i, j), both.at(i, j));
  }
  EXPECT_EQ(a.predicted_count(1), 4U);
  EXPECT_EQ(a.gold_count(0), 1U);
  EXPECT_THROW(a.add(2, 0), Error);
  EXPECT_THROW(a.add(-1, 0), Error);
  EXPECT_THROW(a.merge(ConfusionMatrix(3)), Error);
}

TEST(Calibration, EqualWidthHandTable) {
  // Two bins: (0, .5] holds .2 right, .5 wrong; (.5, 1] holds .9 right, .7 right.
  const std::vector<double> confidences = {0.2, 0.5, 0.9, 0.7};
  const std::vector<std::uint8_t> correct = {1, 0, 1, 1};
  const Calibration result = calibration(confidences, correct, 2);
  EXPECT_EQ(result.bins[0].n, 2U);
  EXPECT_DOUBLE_EQ(result.bins[0].mean_confidence, 0.35);
  EXPECT_DOUBLE_EQ(result.bins[0].accuracy, 0.5);
  EXPECT_NEAR(*result.expected_error, 0.5 * 0.15 + 0.5 * 0.2, 1e-15);
  EXPECT_NEAR(*result.maximum_error, 0.2, 1e-15);
}

TEST(Calibration, EdgesAndEqualMass) {
  const std::vector<double> confidences = {0, 1, 1, 0.25};
  const std::vector<std::uint8_t> correct = {0, 1, 1, 1};
  const Calibration wide = calibration(confidences, correct, 4);
  EXPECT_EQ(wide.bins[0].n, 2U);  // 0 and .25: bins are closed above
  EXPECT_EQ(wide.bins[3].n, 2U);
  const Calibration mass = calibration(confidences, correct, 2, Binning::kEqualMass);
  EXPECT_EQ(mass.bins[0].n, 2U);
  EXPECT_EQ(mass.bins[0].low, 0);
  EXPECT_EQ(mass.bins[0].high, 0.25);
  EXPECT_NEAR(*mass.expected_error, 0.5 * (0.5 - 0.125), 1e-15);
  EXPECT_FALSE(calibration({}, {}, 3).expected_error);
  const std::vector<double> outside = {1.5};
  const std::vector<std::uint8_t> one = {1};
  EXPECT_THROW(calibration(outside, one, 3), Error);
}

}  // namespace
}  // namespace discreet::stats
