#include "discreet/stats/probe.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/logistic.h"

namespace discreet::stats {
namespace {

TEST(Probe, LinearIsTheOptimumOfLogisticRegression) {
  core::ReproducibleRng rng(1);
  std::vector<double> rows;
  std::vector<std::uint32_t> labels;
  std::vector<std::uint8_t> bits;
  for (int i = 0; i < 300; ++i) {
    const double x = rng.normal(), y = rng.normal();
    rows.insert(rows.end(), {x, y});
    labels.push_back(x - 2 * y + rng.normal() > 0 ? 1 : 0);
    bits.push_back(static_cast<std::uint8_t>(labels.back()));
  }
  const Probe probe(rows, 2, labels, 2, {.l2 = 1e-9});
  const std::vector<double> d = probe.directions();
  const LogisticRegression exact(rows, 2, bits, 1e-9);
  const double at_zero = exact.log_odds(std::vector<double>{0, 0});
  EXPECT_NEAR(d[2] - d[0], exact.log_odds(std::vector<double>{1, 0}) - at_zero, 1e-4);
  EXPECT_NEAR(d[3] - d[1], exact.log_odds(std::vector<double>{0, 1}) - at_zero, 1e-4);
}

TEST(Probe, AHiddenLayerTellsWhatNoLineTells) {
  core::ReproducibleRng rng(2);
  std::vector<double> rows;
  std::vector<std::uint32_t> labels, fold;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const double x = rng.normal(), y = rng.normal();
    rows.insert(rows.end(), {x, y});
    labels.push_back(x * y > 0 ? 1 : 0);
    fold.push_back(i % 4);
  }
  const ProbeAccuracy linear = probe_accuracy(rows, 2, labels, 2, fold, 4);
  const ProbeAccuracy network = probe_accuracy(rows, 2, labels, 2, fold, 4, {.hidden = 16});
  EXPECT_LT(linear.accuracy, .6);
  EXPECT_GT(network.accuracy, .93);
  EXPECT_EQ(network.n, 400u);
  EXPECT_TRUE(network.ci.contains(network.accuracy));
  EXPECT_GT(network.ci.low, linear.ci.high);
}

TEST(Probe, RowsWithoutVarianceGetTheLargestClass) {
  const std::vector<double> rows(10, 3.0);
  const std::vector<std::uint32_t> labels = {0, 1, 2, 2, 2};
  const Probe probe(rows, 2, labels, 3);
  EXPECT_EQ(probe.predict(rows), std::vector<std::uint32_t>(5, 2));
  EXPECT_EQ(count_right(probe.predict(rows), labels, 3).majority, .6);
  EXPECT_THROW(Probe(rows, 2, labels, 2), Error);
  EXPECT_THROW(Probe(rows, 3, labels, 3), Error);
}

}  // namespace
}  // namespace discreet::stats
