#include "discreet/stats/intervals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/stats/bootstrap.h"

namespace discreet::stats {
namespace {

/// The exact probability that the interval of Binomial(n, p) covers p.
template <class IntervalOf>
double coverage(IntervalOf interval_of, std::uint64_t n, double p) {
  double covered = 0;
  for (std::uint64_t k = 0; k <= n; ++k) {
    if (!interval_of(k, n, 0.95).contains(p)) continue;
    const double dk = static_cast<double>(k), dn = static_cast<double>(n);
    covered += std::exp(std::lgamma(dn + 1) - std::lgamma(dk + 1) - std::lgamma(dn - dk + 1) +
                        dk * std::log(p) + (dn - dk) * std::log1p(-p));
  }
  return covered;
}

TEST(Intervals, ClopperPearsonNeverCoversLessThanItSays) {
  for (const std::uint64_t n : {1, 7, 40, 200}) {
    for (double p = 0.005; p < 1; p += 0.0103) {
      EXPECT_GE(coverage(clopper_pearson, n, p), 0.95 - 1e-9) << n << " " << p;
    }
  }
}

TEST(Intervals, WilsonCoversAsItSaysOnAverageOverRates) {
  for (const std::uint64_t n : {20, 100}) {
    double sum = 0;
    int count = 0;
    for (double p = 0.05; p < 0.95; p += 0.0103) {
      sum += coverage(wilson, n, p);
      ++count;
    }
    EXPECT_NEAR(sum / count, 0.95, 0.01) << n;
  }
}

TEST(Intervals, EdgesOfRates) {
  EXPECT_EQ(wilson(0, 0).low, 0);
  EXPECT_EQ(wilson(0, 0).high, 1);
  EXPECT_EQ(wilson(0, 5).low, 0);
  EXPECT_EQ(wilson(5, 5).high, 1);
  EXPECT_EQ(clopper_pearson(0, 5).low, 0);
  EXPECT_EQ(clopper_pearson(5, 5).high, 1);
  EXPECT_NEAR(clopper_pearson(5, 5).low, std::pow(0.025, 0.2), 1e-12);
  EXPECT_EQ(newcombe_difference(0, 0, 1, 2).low, -1);
  EXPECT_THROW(wilson(6, 5), Error);
  EXPECT_THROW(clopper_pearson(1, 5, 1.0), Error);
}

TEST(Intervals, MeanOverSeeds) {
  // By hand: mean 3, deviation sqrt(2.5), t(4, .975) = 2.776445105.
  const std::vector<double> values = {1, 2, 3, 4, 5};
  const MeanEstimate estimate = mean_interval(values);
  EXPECT_EQ(estimate.n, 5U);
  EXPECT_DOUBLE_EQ(estimate.mean, 3);
  EXPECT_NEAR(estimate.ci->high - 3, 2.776445105 * std::sqrt(2.5 / 5), 1e-8);
  const std::vector<double> one = {0.7};
  EXPECT_FALSE(mean_interval(one).ci);
  EXPECT_FALSE(mean_interval(one).standard_deviation);
  EXPECT_THROW(mean_interval({}), Error);
  const std::vector<double> broken = {1, NAN};
  EXPECT_THROW(mean_interval(broken), Error);
}

TEST(Bootstrap, MeanOfOneValueHasNoSpread) {
  const Stratum stratum = whole_sample(10);
  const BootstrapEstimate estimate =
      bootstrap(std::span(&stratum, 1), [](std::span<const std::uint32_t>) { return 4.0; });
  ASSERT_TRUE(estimate.value && estimate.ci);
  EXPECT_EQ(estimate.ci->low, 4);
  EXPECT_EQ(estimate.ci->high, 4);
}

TEST(Bootstrap, KeepsStrataTogetherAndCountsWhatIsUndefined) {
  const std::vector<Stratum> strata = {{0, 1, 2}, {3, 4}};
  std::uint64_t calls = 0;
  BootstrapOptions options{.resamples = 100};
  const auto estimate = bootstrap(
      strata,
      [&](std::span<const std::uint32_t> indices) -> std::optional<double> {
        EXPECT_EQ(indices.size(), 5U);
        for (int i = 0; i < 3; ++i) EXPECT_LT(indices[i], 3U);
        for (int i = 3; i < 5; ++i) EXPECT_GE(indices[i], 3U);
        return ++calls % 4 == 0 ? std::nullopt : std::optional(double(indices[0]));
      },
      options);
  EXPECT_EQ(estimate.resamples, 100U);
  EXPECT_EQ(estimate.undefined, 25U);
}

TEST(Bootstrap, SameSeedSameInterval) {
  std::vector<double> data(40);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = std::sin(double(i));
  const Stratum stratum = whole_sample(data.size());
  const auto mean = [&](std::span<const std::uint32_t> indices) -> std::optional<double> {
    double sum = 0;
    for (const auto i : indices) sum += data[i];
    return sum / double(indices.size());
  };
  const auto run = [&](std::uint64_t seed) {
    return bootstrap(std::span(&stratum, 1), mean, {.resamples = 200, .seed = seed}).ci->low;
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(Bootstrap, QuantileInterpolates) {
  const std::vector<double> sorted = {1, 2, 4};
  EXPECT_EQ(sorted_quantile(sorted, 0), 1);
  EXPECT_EQ(sorted_quantile(sorted, 1), 4);
  EXPECT_EQ(sorted_quantile(sorted, 0.75), 3);
}

}  // namespace
}  // namespace discreet::stats
