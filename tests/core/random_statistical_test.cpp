#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "discreet/core/random.h"

namespace discreet::core {
namespace {

constexpr int kDraws = 200000;

/// Kolmogorov-Smirnov: sqrt(n) D exceeds x with probability 2 exp(-2 x^2) (its limit, an upper
/// bound by Massart 1990); 2.7 is passed by a false alarm once in 1e6.
constexpr double kKolmogorovLimit = 2.7;
/// Two-sided normal quantile of 1e-6.
constexpr double kNormalLimit = 4.9;

template <class Cdf>
double kolmogorov(std::vector<double> sample, Cdf cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]), k = static_cast<double>(i);
    distance = std::max({distance, (k + 1) / n - p, p - k / n});
  }
  return std::sqrt(n) * distance;
}

template <class Draw>
std::vector<double> sample_of(Draw draw) {
  std::vector<double> sample(kDraws);
  for (double& x : sample) x = draw();
  return sample;
}

double identity(double x) { return x; }
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(RandomStatistics, UniformIsUniform) {
  ReproducibleRng rng(11);
  EXPECT_LT(kolmogorov(sample_of([&] { return rng.uniform(); }), identity), kKolmogorovLimit);
  SecureRng secure;
  EXPECT_LT(kolmogorov(sample_of([&] { return secure.uniform(); }), identity), kKolmogorovLimit);
}

TEST(RandomStatistics, NormalIsNormal) {
  ReproducibleRng rng(12);
  EXPECT_LT(kolmogorov(sample_of([&] { return rng.normal(); }), normal_cdf), kKolmogorovLimit);
}

/// The test has teeth: a deviation of five per cent in scale is caught.
TEST(RandomStatistics, AWrongScaleIsSeen) {
  ReproducibleRng rng(12);
  EXPECT_GT(kolmogorov(sample_of([&] { return 1.05 * rng.normal(); }), normal_cdf),
            kKolmogorovLimit);
}

/// Each of the 64 bits is set half of the time.
template <class Rng>
void check_bits(Rng& rng) {
  std::array<int, 64> ones{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t word = rng();
    for (std::size_t bit = 0; bit < 64; ++bit) ones[bit] += static_cast<int>(word >> bit & 1);
  }
  for (const int count : ones) {
    // 64 looks at 1e-6 / 64 each: 5.7 standard deviations.
    EXPECT_LT(std::abs(count - kDraws / 2.0) / std::sqrt(kDraws / 4.0), 5.7);
  }
}

TEST(RandomStatistics, BitsAreFair) {
  ReproducibleRng rng(13);
  check_bits(rng);
  SecureRng secure;
  check_bits(secure);
}

/// With a bound of 3 * 2^62, a plain remainder would put half of the draws into the first third.
TEST(RandomStatistics, BelowHasNoModuloBias) {
  ReproducibleRng rng(14);
  const std::uint64_t third = 1ull << 62;
  int first = 0;
  for (int i = 0; i < kDraws; ++i) first += rng.below(3 * third) < third;
  const double expected = kDraws / 3.0, deviation = std::sqrt(kDraws * 2.0 / 9.0);
  EXPECT_LT(std::abs(first - expected) / deviation, kNormalLimit);
}

TEST(RandomStatistics, ShuffleGivesEveryOrderEquallyOften) {
  ReproducibleRng rng(15);
  std::array<int, 27> counts{};
  constexpr int kShuffles = 60000;
  for (int i = 0; i < kShuffles; ++i) {
    std::array<std::size_t, 3> order = {0, 1, 2};
    shuffle(std::span<std::size_t>(order), rng);
    ++counts[9 * order[0] + 3 * order[1] + order[2]];
  }
  double chi_square = 0;
  int orders = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    ++orders;
    chi_square += std::pow(count - kShuffles / 6.0, 2) / (kShuffles / 6.0);
  }
  EXPECT_EQ(orders, 6);
  EXPECT_LT(chi_square, 35.9);  // 5 degrees of freedom, 1e-6
}

}  // namespace
}  // namespace discreet::core
