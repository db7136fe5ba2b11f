#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "discreet/stats/roc.h"

namespace discreet::stats {
namespace {

std::vector<double> small_scores(const std::vector<int>& raw) {
  std::vector<double> scores;
  for (const int value : raw) scores.push_back(value % 6);  // many ties
  return scores;
}

double by_pairs(const std::vector<double>& positives, const std::vector<double>& negatives) {
  double wins = 0;
  for (const double p : positives) {
    for (const double n : negatives) wins += p > n ? 1 : p == n ? 0.5 : 0;
  }
  return wins / double(positives.size() * negatives.size());
}

RC_GTEST_PROP(RocProperty, AucIsMannWhitneyAndTheAreaUnderTheCurve,
              (const std::vector<int>& up, const std::vector<int>& down)) {
  RC_PRE(!up.empty() && !down.empty());
  const auto positives = small_scores(up), negatives = small_scores(down);
  const double auc = delong(positives, negatives).auc;
  RC_ASSERT(std::abs(auc - by_pairs(positives, negatives)) < 1e-12);
  const Roc roc = roc_curve(positives, negatives);
  double area = 0;
  for (std::size_t i = 1; i < roc.points.size(); ++i) {
    area += (roc.fpr(roc.points[i]) - roc.fpr(roc.points[i - 1])) *
            (roc.tpr(roc.points[i]) + roc.tpr(roc.points[i - 1])) / 2;
  }
  RC_ASSERT(std::abs(auc - area) < 1e-12);
}

RC_GTEST_PROP(RocProperty, SwappingSidesMirrorsAuc,
              (const std::vector<int>& up, const std::vector<int>& down)) {
  RC_PRE(!up.empty() && !down.empty());
  const auto positives = small_scores(up), negatives = small_scores(down);
  RC_ASSERT(std::abs(delong(positives, negatives).auc + delong(negatives, positives).auc - 1) <
            1e-12);
}

RC_GTEST_PROP(RocProperty, CurveRisesFromNothingToEverything,
              (const std::vector<int>& up, const std::vector<int>& down)) {
  RC_PRE(!up.empty() && !down.empty());
  const Roc roc = roc_curve(small_scores(up), small_scores(down));
  RC_ASSERT(roc.points.front().true_positives + roc.points.front().false_positives == 0U);
  RC_ASSERT(roc.points.back().true_positives == roc.positives);
  RC_ASSERT(roc.points.back().false_positives == roc.negatives);
  for (std::size_t i = 1; i < roc.points.size(); ++i) {
    RC_ASSERT(roc.points[i].threshold < roc.points[i - 1].threshold);
    RC_ASSERT(roc.points[i].true_positives + roc.points[i].false_positives >
              roc.points[i - 1].true_positives + roc.points[i - 1].false_positives);
  }
  RC_ASSERT(roc.advantage() >= 0);
}

}  // namespace
}  // namespace discreet::stats
