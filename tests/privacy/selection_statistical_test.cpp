// The number of runs of a private selection has the distribution that is accounted for.
#include "discreet/privacy/selection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

/// P[K = k] by the definition: (1 - g)^k / (g^-s - 1) prod (l + s)/(l + 1), with g found from the mean.
double chance(double shape, double g, std::int64_t k) {
  double log_p = static_cast<double>(k) * std::log1p(-g);
  if (shape == 0) return std::exp(log_p - std::log(static_cast<double>(k)) - std::log(-std::log(g)));
  for (std::int64_t l = 0; l < k; ++l) {
    log_p += std::log((static_cast<double>(l) + shape) / (static_cast<double>(l) + 1));
  }
  return std::exp(log_p - std::log(std::pow(g, -shape) - 1));
}

TEST(Selection, NumbersOfRunsHaveTheStatedDistribution) {
  constexpr int kDraws = 200000;
  for (const auto& [shape, mean, g] : {std::tuple(1.0, 10.0, 0.1), std::tuple(1.0, 2.0, 0.5),
                                       // Solved for by hand: (1/g - 1)/ln(1/g) and s (1 - g)/(g (1 - g^s)).
                                       std::tuple(0.0, 4.0 / std::log(5.0), 0.2),
                                       std::tuple(0.5, 0.5 * 0.75 / (0.25 * 0.5), 0.25),
                                       std::tuple(2.0, 2 * 0.6 / (0.4 * 0.84), 0.4)}) {
    core::SecureRng rng;
    std::map<std::int64_t, int> seen;
    double sum = 0, squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const std::int64_t k = draw_run_count({shape, mean}, rng);
      ASSERT_GE(k, 1);
      ++seen[k];
      sum += static_cast<double>(k);
      squares += static_cast<double>(k) * static_cast<double>(k);
    }
    const double average = sum / kDraws, variance = squares / kDraws - average * average;
    // Two-sided false alarms of 1e-7 each.
    EXPECT_NEAR(average, mean, 5.33 * std::sqrt(variance / kDraws)) << shape;
    for (std::int64_t k = 1; k <= 12; ++k) {
      const double p = chance(shape, g, k), error = std::sqrt(p * (1 - p) / kDraws);
      EXPECT_NEAR(static_cast<double>(seen[k]) / kDraws, p, 5.33 * error) << shape << " P[K = " << k << "]";
    }
  }
}

TEST(Selection, OneRunOnAverageIsOneRunAndPoissonNumbersAreRefused) {
  core::ReproducibleRng rng(3, "runs");
  for (const double shape : {0.0, 0.5, 1.0}) EXPECT_EQ(draw_run_count({shape, 1}, rng), 1);
  EXPECT_THROW(draw_run_count({HUGE_VAL, 10}, rng), Error);
  EXPECT_EQ(in_words({1, 10}), "a geometric number of runs, 10 on average");
}

}  // namespace
}  // namespace discreet::privacy
