// The library's own noise under its own audit, and the audit under planted defects. Seeds are
// fixed; with fresh ones a correct build would fail each check with probability 1e-6.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "discreet/privacy/calibrate.h"
#include "discreet/privacy/noise.h"
#include "tests/support/gdp_audit.h"

namespace discreet::privacy {
namespace {

constexpr std::size_t kDimension = 16;

/// A release of the sum of clipped contributions: `canary` says whether the canary's unit vector is
/// in it. Returns the score <sum, u>.
using Release = std::function<double(bool canary, std::uint64_t trial)>;

struct Setting {
  double noise_multiplier;
  int steps = 1;
  double mu() const { return std::sqrt(static_cast<double>(steps)) / noise_multiplier; }
};

/// epsilon 2, delta 1e-5, without sampling.
Setting claimed_setting() {
  const auto analytic = make_accountant("analytic");
  return {calibrate_noise_multiplier({2, 1e-5, analytic.get()}, [](double z) {
            return event_of({{z, 1, 1}});
          }).value};
}

double noisy_score(NoiseSource& noise, std::uint64_t trial, double contribution, double std) {
  std::vector<float> sum(kDimension, 0.0f);
  sum[0] = static_cast<float>(contribution);
  noise.begin_step(trial);
  noise.add_gaussian(std::span<float>(sum), std);
  return sum[0];
}

test::GdpAudit audit(const Release& release, double std, double mu, std::size_t trials = 3000) {
  std::vector<double> without, with;
  for (std::uint64_t i = 0; i < trials; ++i) {
    without.push_back(release(false, 2 * i) / std);
    with.push_back(release(true, 2 * i + 1) / std);
  }
  return test::gdp_audit(without, with, mu);
}

TEST(SelfAudit, TheCorrectBuildPassesAndIsNotFarBelowItsClaim) {
  const Setting claimed = claimed_setting();
  const double std = claimed.noise_multiplier;  // Clip norm 1.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    InsecureNoise noise(seed, "audit");
    const auto result = audit(
        [&](bool canary, std::uint64_t trial) { return noisy_score(noise, trial, canary, std); },
        std, claimed.mu());
    EXPECT_FALSE(result.violated) << result.mu_lower;
    EXPECT_GT(result.mu_lower, 0.3 * claimed.mu());
  }
  SecureNoise secure;
  EXPECT_FALSE(audit([&](bool canary,
                         std::uint64_t trial) { return noisy_score(secure, trial, canary, std); },
                     std, claimed.mu())
                   .violated);
}

TEST(SelfAudit, PlantedDefectsAreCaught) {
  const Setting claimed = claimed_setting();
  const double std = claimed.noise_multiplier;
  InsecureNoise noise(1, "audit");
  const auto with = [&](double contribution, double actual_std) {
    return audit(
               [&, contribution, actual_std](bool canary, std::uint64_t trial) {
                 return noisy_score(noise, trial, canary ? contribution : 0, actual_std);
               },
               std, claimed.mu())
        .violated;
  };
  EXPECT_FALSE(with(1, std));
  EXPECT_TRUE(with(1, std / 2)) << "half the noise";
  EXPECT_TRUE(with(1, 0)) << "no noise";
  EXPECT_TRUE(with(2, std)) << "sensitivity 2C claimed as C";
  EXPECT_TRUE(with(10, std)) << "no clipping";
}

TEST(SelfAudit, ReusedNoiseIsCaughtByOppositeSigns) {
  // Two steps; the canary enters with opposite signs and the score is the difference of the
  // releases: reused noise cancels in it.
  const Setting claimed{claimed_setting().noise_multiplier, 2};
  const double std = claimed.noise_multiplier;
  for (const bool reused : {false, true}) {
    InsecureNoise noise(2, "audit");
    const auto result = audit(
        [&](bool canary, std::uint64_t trial) {
          const double first = noisy_score(noise, 2 * trial, canary ? 1 : 0, std);
          const double second =
              noisy_score(noise, reused ? 2 * trial : 2 * trial + 1, canary ? -1 : 0, std);
          return first - second;
        },
        std * std::sqrt(2.0), claimed.mu());
    EXPECT_EQ(result.violated, reused) << result.mu_lower << " of " << result.mu_claimed;
  }
}

TEST(SelfAudit, TheVarianceTestSeesTooMuchNoiseToo) {
  InsecureNoise noise(3, "audit");
  const auto draws = [&](double std) {
    std::vector<double> values(4000, 0.0);
    noise.add_gaussian(std::span<double>(values), std);
    return values;
  };
  EXPECT_LT(std::abs(test::std_sigmas(draws(1), 1)), 4.9);
  EXPECT_GT(test::std_sigmas(draws(std::sqrt(2.0)), 1), 4.9) << "noise once per physical part";
  EXPECT_LT(test::std_sigmas(draws(0.5), 1), -4.9);
  EXPECT_LT(test::std_sigmas(std::vector<double>(10, 0.0), 1), -4.9);
}

}  // namespace
}  // namespace discreet::privacy
