#include "discreet/privacy/correlated_noise.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::privacy {
namespace {

std::shared_ptr<NoiseStrategy> bands_of(std::int64_t steps) {
  return std::make_shared<BandedStrategy>(steps, optimal_bands(steps, 3));
}

CorrelatedNoise noise_of(std::shared_ptr<const NoiseStrategy> strategy, std::uint64_t seed,
                         Participation participation = {1, 1}, int threads = 1) {
  return {std::move(strategy), participation, [=](std::int64_t draw) {
            return std::make_unique<InsecureNoise>(seed, "draw/" + std::to_string(draw), threads);
          }};
}

/// The noise of all steps, [steps][coordinates], cut into blocks of `block`.
std::vector<std::vector<float>> stream(CorrelatedNoise& noise, std::int64_t steps, std::size_t size,
                                       std::size_t block, double std = 1) {
  std::vector<std::vector<float>> all;
  for (std::int64_t t = 0; t < steps; ++t) {
    noise.begin_step(static_cast<std::uint64_t>(t));
    all.emplace_back(size, 0.0F);
    for (std::size_t first = 0; first < size; first += block) {
      noise.add_gaussian(std::span(all.back()).subspan(first, std::min(block, size - first)), std);
    }
  }
  return all;
}

/// Covariances between steps are those of C^-1 (C^-1)^T, times what several participations need.
/// Each of 21 entries is off by 5.3 standard errors with probability 1e-7.
TEST(CorrelatedNoise, HasTheCovarianceOfTheInverse) {
  constexpr std::int64_t kSteps = 6;
  constexpr std::size_t kSize = 100000;
  const auto banded = bands_of(kSteps);
  const std::vector<double> c = banded->matrix();
  // C^-1 by forward substitution.
  double inverse[kSteps][kSteps] = {};
  for (int j = 0; j < kSteps; ++j) {
    for (int i = j; i < kSteps; ++i) {
      double value = i == j ? 1 : 0;
      for (int k = j; k < i; ++k)
        value -= c[static_cast<std::size_t>(i * kSteps + k)] * inverse[k][j];
      inverse[i][j] = value / c[static_cast<std::size_t>(i * kSteps + i)];
    }
  }
  CorrelatedNoise noise = noise_of(banded, 5, {1, 3});
  const double std = 0.7;
  const auto steps = stream(noise, kSteps, kSize, 4096, std);
  for (int i = 0; i < kSteps; ++i) {
    EXPECT_NEAR(
        noise.strategy().step_variance(i) * std * std,
        [&] {
          double s = 0;
          for (int k = 0; k < kSteps; ++k) s += inverse[i][k] * inverse[i][k];
          return s;
        }() *
            std * std,
        1e-9);
    for (int j = 0; j <= i; ++j) {
      double expected = 0, variance_i = 0, variance_j = 0, found = 0;
      for (int k = 0; k < kSteps; ++k) {
        expected += std * std * inverse[i][k] * inverse[j][k];
        variance_i += std * std * inverse[i][k] * inverse[i][k];
        variance_j += std * std * inverse[j][k] * inverse[j][k];
      }
      for (std::size_t n = 0; n < kSize; ++n) {
        found += static_cast<double>(steps[static_cast<std::size_t>(i)][n]) *
                 steps[static_cast<std::size_t>(j)][n];
      }
      found /= static_cast<double>(kSize);
      const double error =
          std::sqrt((variance_i * variance_j + expected * expected) / static_cast<double>(kSize));
      EXPECT_NEAR(found, expected, 5.3 * error) << i << "," << j;
    }
  }
}

TEST(CorrelatedNoise, SumsOfATreeHaveItsVariances) {
  constexpr std::int64_t kSteps = 8;
  constexpr std::size_t kSize = 100000;
  for (const bool honaker : {false, true}) {
    const auto tree = std::make_shared<TreeStrategy>(kSteps, honaker);
    CorrelatedNoise noise = noise_of(tree, 9);
    const double scale = tree->sensitivity({1, 1});
    EXPECT_DOUBLE_EQ(noise.scale(), scale);
    const auto steps = stream(noise, kSteps, kSize, kSize);
    const std::vector<double> expected = tree->prefix_variances();
    std::vector<double> sums(kSize, 0.0);
    for (std::size_t t = 0; t < kSteps; ++t) {
      double squares = 0;
      for (std::size_t n = 0; n < kSize; ++n) {
        sums[n] += steps[t][n];
        squares += sums[n] * sums[n];
      }
      EXPECT_NEAR(squares / kSize / (scale * scale) / expected[t], 1, 5.3 * std::sqrt(2.0 / kSize))
          << t;
    }
  }
}

TEST(CorrelatedNoise, DoesNotDependOnBlocksOrThreads) {
  for (const bool tree : {false, true}) {
    const std::shared_ptr<const NoiseStrategy> strategy =
        tree ? std::shared_ptr<const NoiseStrategy>(std::make_shared<TreeStrategy>(7, true))
             : bands_of(7);
    CorrelatedNoise whole = noise_of(strategy, 3), cut = noise_of(strategy, 3, {1, 1}, 2);
    EXPECT_EQ(stream(whole, 7, 5000, 5000), stream(cut, 7, 5000, 512));
  }
}

TEST(CorrelatedNoise, ResumesExactlyWithAnInsecureSeed) {
  for (const std::int64_t stop : {1, 2, 5}) {
    const auto tree = std::make_shared<TreeStrategy>(9, true, 4);
    const auto banded = bands_of(9);
    for (const std::shared_ptr<const NoiseStrategy>& strategy :
         {std::shared_ptr<const NoiseStrategy>(tree),
          std::shared_ptr<const NoiseStrategy>(banded)}) {
      CorrelatedNoise whole = noise_of(strategy, 3), first = noise_of(strategy, 3),
                      second = noise_of(strategy, 3);
      const auto expected = stream(whole, 9, 700, 512);
      stream(first, stop, 700, 512);
      second.restore(first.state());
      for (std::int64_t t = stop; t < 9; ++t) {
        second.begin_step(static_cast<std::uint64_t>(t));
        std::vector<float> values(700, 0.0F);
        second.add_gaussian(std::span(values).first(512), 1);
        second.add_gaussian(std::span(values).subspan(512), 1);
        EXPECT_EQ(values, expected[static_cast<std::size_t>(t)]) << t;
      }
    }
  }
}

TEST(CorrelatedNoise, RefusesWhatWouldBreakItsGuarantee) {
  CorrelatedNoise secure(bands_of(4), {1, 1},
                         [](std::int64_t) { return std::make_unique<SecureNoise>(); });
  EXPECT_TRUE(secure.secure());
  std::vector<float> values(8, 0.0F);
  secure.begin_step(0);
  secure.add_gaussian(std::span(values), 1);
  EXPECT_THROW(secure.state(), Error);        // would leave the memory
  EXPECT_THROW(secure.begin_step(0), Error);  // a step again
  EXPECT_THROW(secure.begin_step(2), Error);  // a step left out
  secure.begin_step(1);
  EXPECT_THROW(secure.add_gaussian(std::span(values), 2), Error);  // another size
  secure.add_gaussian(std::span(values).first(4), 1);
  EXPECT_THROW(secure.begin_step(2), Error);                       // half of the numbers
  EXPECT_THROW(secure.add_gaussian(std::span(values), 1), Error);  // more of them than before
  // More participations at a distance that the bands do not allow.
  EXPECT_THROW(noise_of(bands_of(4), 1, {2, 2}), Error);
  CorrelatedNoise short_one = noise_of(bands_of(3), 1);
  stream(short_one, 3, 4, 4);
  EXPECT_THROW(short_one.begin_step(3), Error);  // past the end
  EXPECT_THROW(short_one.restore({.position = 9}), Error);
}

TEST(CorrelatedNoise, SeveralParticipationsKeepTheSizeOfOne) {
  // k participations cost k events; Z stays that of one, as columns do not overlap.
  EXPECT_DOUBLE_EQ(noise_of(bands_of(12), 1, {4, 3}).scale(), 1.0);
  EXPECT_DOUBLE_EQ(noise_of(std::make_shared<TreeStrategy>(12, false, 3), 1, {4, 3}).scale(),
                   std::sqrt(2.0));
}

}  // namespace
}  // namespace discreet::privacy
