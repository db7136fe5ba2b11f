// Every test draws from fixed seeds or states a false-alarm rate of at most 1e-6 (see
// tests/support/distribution.h); the planted faults at the end must be caught by the same checks.
#include "discreet/privacy/noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/privacy/internal/normals.h"
#include "tests/support/distribution.h"

namespace discreet::privacy {
namespace {

using test::correlation_sigmas;
using test::kSigmas;
using test::why_not_gaussian;

template <class T>
std::vector<T> draw(NoiseSource& source, std::size_t count, double std) {
  std::vector<T> values(count, T{0});
  source.add_gaussian(std::span<T>(values), std);
  return values;
}

TEST(NoiseDistribution, SecureDoubleIsGaussian) {
  SecureNoise noise;
  EXPECT_EQ(why_not_gaussian(draw<double>(noise, 10'000'000, 2.5), 2.5), "");
}

TEST(NoiseDistribution, SecureFloatIsGaussian) {
  SecureNoise noise;
  EXPECT_EQ(why_not_gaussian(draw<float>(noise, 10'000'000, 0.25), 0.25), "");
}

TEST(NoiseDistribution, InsecureIsGaussian) {
  InsecureNoise noise(7, "test");
  EXPECT_EQ(why_not_gaussian(draw<double>(noise, 2'000'000, 1), 1), "");
}

TEST(NoiseDistribution, UnprotectedNoiseIsGaussianToo) {
  SecureNoise noise(1, NoiseProtection::kNone);
  EXPECT_EQ(why_not_gaussian(draw<float>(noise, 10'000'000, 0.25), 0.25), "");
  InsecureNoise insecure(8, "plain", 1, NoiseProtection::kNone);
  EXPECT_EQ(why_not_gaussian(draw<double>(insecure, 2'000'000, 3), 3), "");
}

TEST(NoiseDistribution, AddsToWhatIsThere) {
  InsecureNoise noise(3);
  std::vector<double> zero = draw<double>(noise, 700, 1.5);
  noise.begin_step(0);
  std::vector<double> values(700, 40);
  noise.add_gaussian(std::span<double>(values), 1.5);
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_DOUBLE_EQ(values[i], 40 + zero[i]);
}

TEST(NoiseDistribution, PairsHaveIndependentRadiusAndAngle) {
  // Normals i and 256 + i of a group share a radius: their squares would be correlated if
  // Box-Muller were wrong.
  InsecureNoise noise(11);
  const auto values = draw<double>(noise, 1'024'000, 1);
  std::vector<double> first, second, first_square, second_square;
  for (std::size_t group = 0; group < values.size(); group += 512) {
    for (std::size_t i = 0; i < 256; ++i) {
      const double a = values[group + i], b = values[group + 256 + i];
      first.push_back(a), second.push_back(b);
      first_square.push_back((a * a - 1) / std::sqrt(2.0));
      second_square.push_back((b * b - 1) / std::sqrt(2.0));
    }
  }
  EXPECT_LT(std::abs(correlation_sigmas(first, second)), kSigmas);
  EXPECT_LT(std::abs(correlation_sigmas(first_square, second_square)), 2 * kSigmas);
  EXPECT_LT(std::abs(correlation_sigmas(first_square, second)), 2 * kSigmas);
}

TEST(NoiseStreams, StepsStreamsSeedsAndCallsAreIndependent) {
  constexpr std::size_t n = 400'000;
  InsecureNoise a(1, "layer0"), b(1, "layer1"), c(2, "layer0");
  const auto first = draw<double>(a, n, 1);
  const auto second = draw<double>(a, n, 1);
  a.begin_step(1);
  const auto next_step = draw<double>(a, n, 1);
  const auto other_stream = draw<double>(b, n, 1);
  const auto other_seed = draw<double>(c, n, 1);
  SecureNoise s, t;
  const auto secure_first = draw<double>(s, n, 1);
  s.begin_step(0);
  const auto secure_again = draw<double>(s, n, 1);
  const auto secure_other = draw<double>(t, n, 1);
  for (const auto* other : {&second, &next_step, &other_stream, &other_seed}) {
    EXPECT_LT(std::abs(correlation_sigmas(first, *other)), kSigmas);
  }
  EXPECT_LT(std::abs(correlation_sigmas(secure_first, secure_again)), kSigmas);
  EXPECT_LT(std::abs(correlation_sigmas(secure_first, secure_other)), kSigmas);
  // Neighbours within a stream.
  const std::vector<double> head(first.begin(), first.end() - 1),
      tail(first.begin() + 1, first.end());
  EXPECT_LT(std::abs(correlation_sigmas(head, tail)), kSigmas);
}

TEST(NoiseStreams, TheInsecureStepIsAFunctionOfSeedStreamAndStep) {
  InsecureNoise a(5, "x"), b(5, "x");
  a.begin_step(17);
  draw<float>(b, 1000, 1);
  b.begin_step(17);
  EXPECT_EQ(draw<float>(a, 5000, 1), draw<float>(b, 5000, 1));
}

TEST(NoiseStreams, ThreadsDoNotChangeAValue) {
  constexpr std::size_t n = 3'000'001;
  InsecureNoise one(9, "", 1), three(9, "", 3);
  EXPECT_EQ(draw<float>(one, n, 1), draw<float>(three, n, 1));
  EXPECT_EQ(draw<double>(one, n, 1), draw<double>(three, n, 1));
}

TEST(NoiseEdges, NothingToDoAndRefusals) {
  SecureNoise noise;
  std::vector<float> values(5, 1.0f);
  noise.add_gaussian(std::span<float>(values), 0);
  EXPECT_EQ(values, std::vector<float>(5, 1.0f));
  noise.add_gaussian(std::span<float>(), 1);
  EXPECT_THROW(noise.add_gaussian(std::span<float>(values), -1), Error);
  EXPECT_THROW(noise.add_gaussian(std::span<float>(values), std::nan("")), Error);
  EXPECT_THROW(noise.add_gaussian(std::span<float>(values), HUGE_VAL), Error);
}

TEST(NoiseTail, RadiusIsExactFromTheFirstBitToTheLast) {
  using internal::normals::radius;
  EXPECT_NEAR(radius(0), std::sqrt(2 * 65 * std::log(2.0)), 1e-12);
  EXPECT_EQ(radius(~0ull), 0);
  for (int shift = 0; shift < 64; ++shift) {
    const std::uint64_t bits = 1ull << shift;
    const long double u = (static_cast<long double>(bits) + 0.5L) * 0x1p-64L;
    const auto expected = static_cast<double>(std::sqrt(-2 * std::log(u)));
    EXPECT_NEAR(radius(bits), expected, 4e-16 * expected) << shift;
  }
  core::ReproducibleRng rng(1);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t bits = rng();
    const long double u = (static_cast<long double>(bits) + 0.5L) * 0x1p-64L;
    const double expected = static_cast<double>(std::sqrt(-2 * std::log(u)));
    ASSERT_NEAR(radius(bits), expected, 1e-12 * std::max(1.0, expected));
  }
}

TEST(NoiseTail, AngleIsUniformOnTheCircle) {
  core::ReproducibleRng rng(2);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t bits = rng();
    double cosine, sine;
    internal::normals::angle(bits, cosine, sine);
    const double angle = std::ldexp(static_cast<double>(bits), -63) * M_PI - M_PI / 4;
    ASSERT_NEAR(cosine, std::cos(angle), 1e-14);
    ASSERT_NEAR(sine, std::sin(angle), 1e-14);
  }
}

TEST(NoiseTail, TheLastCellsAreRefined) {
  using internal::normals::radius;
  using internal::normals::refined_radius;
  // Where the refinement begins it agrees with what it refines, and it ends beyond kTailEnd.
  const std::uint64_t limit = internal::normals::kRefineBelow;
  EXPECT_NEAR(refined_radius(limit, 1ull << 63), radius(limit), 1e-12);
  EXPECT_LT(refined_radius(5, ~0ull), refined_radius(5, 0));
  EXPECT_NEAR(refined_radius(0, 0), std::sqrt(2 * 129 * std::log(2.0)), 1e-12);
  EXPECT_GT(refined_radius(0, 0), kTailEnd);
  EXPECT_NEAR(kPlainTailEnd, std::sqrt(2 * 97 * std::log(2.0)), 0.01);
  EXPECT_LT(kPlainTailEnd, std::sqrt(2 * 97 * std::log(2.0)));
}

TEST(NoiseTail, TruncationIsCharged) {
  // 53 bits end at 8.57: at 1e9 draws and delta 1e-5 it holds up to epsilon 2.18; 64 bits, at 9.42,
  // up to 10.0.
  EXPECT_LT(truncation_delta(1e9, 2.15, 8.5717), 1e-7);
  EXPECT_GT(truncation_delta(1e9, 2.25, 8.5717), 1e-7);
  EXPECT_LT(truncation_delta(1e9, 9.9, 9.42), 1e-7);
  EXPECT_GT(truncation_delta(1e9, 12, 9.42), 1e-7);
}

TEST(NoiseTail, TheGridsPriceIsSmallAndGrowsWithTheDraws) {
  const GridCost cost = grid_cost(1e9, 8, 1e-5);
  EXPECT_GT(cost.epsilon, 2 * 1e9 * 0x1p-71);
  EXPECT_LT(cost.epsilon, 2e-5);
  EXPECT_LT(cost.delta, 1e-5 / 100);
  EXPECT_GT(grid_cost(1e12, 8, 1e-5).epsilon, 10 * cost.epsilon);
  EXPECT_GT(grid_cost(1e30, 8, 1e-5).delta, 1e-7);  // Draws beyond kTailEnd are charged.
}

// ---- planted faults --------------------------------------------------------------------------

TEST(NoisePlanted, HalfTheNoiseIsCaught) {
  InsecureNoise noise(1);
  EXPECT_NE(why_not_gaussian(draw<double>(noise, 100'000, 0.5), 1), "");
}

TEST(NoisePlanted, OnePercentTooLittleIsCaught) {
  InsecureNoise noise(1);
  EXPECT_NE(why_not_gaussian(draw<double>(noise, 1'000'000, 0.99), 1), "");
}

TEST(NoisePlanted, ATailCutAtFourAndAHalfIsCaught) {
  InsecureNoise noise(1);
  auto values = draw<double>(noise, 10'000'000, 1);
  ASSERT_EQ(why_not_gaussian(values, 1), "");
  for (double& v : values) v = std::clamp(v, -4.5, 4.5);
  EXPECT_NE(why_not_gaussian(values, 1), "");
}

TEST(NoisePlanted, ThirtyTwoBitUniformsEndTooSoon) {
  // What a sampler that fills only the upper half of the word could reach at most: the check is the
  // end of the tail, which no number of draws shows.
  const double end32 = internal::normals::radius(0x7fffffffull);
  EXPECT_NEAR(end32, 6.76, 0.01);
  EXPECT_GT(truncation_delta(1e9, 1, end32), 1e-2);
  EXPECT_LT(truncation_delta(1e9, 8, kPlainTailEnd), 1e-15);
}

TEST(NoisePlanted, SharedStreamsAreCaught) {
  InsecureNoise a(1, "rank"), b(1, "rank");
  EXPECT_GT(std::abs(correlation_sigmas(draw<double>(a, 10'000, 1), draw<double>(b, 10'000, 1))),
            kSigmas);
}

}  // namespace
}  // namespace discreet::privacy
