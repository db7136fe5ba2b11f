#include "discreet/mitigate/distillation/noisy_votes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/privacy/accountant.h"

namespace discreet::mitigate {
namespace {

TEST(NoisyMax, ChargesAGaussianWithMultiplierSigmaOverRootTwo) {
  privacy::InsecureNoise noise(1);
  const NoisyVotes votes = noisy_max({{10, 0, 0}, {0, 9, 1}}, 2, noise);
  EXPECT_NEAR(votes.noise_multiplier, std::sqrt(2.0), 1e-12);
  const auto accountant = privacy::make_accountant("rdp");
  const privacy::Delta delta(1e-5);
  // Two queries of multiplier sqrt(2) are one of multiplier 1.
  const privacy::Event one = privacy::Event::gaussian(privacy::NoiseMultiplier(1));
  EXPECT_NEAR(accountant->epsilon(votes.event, delta).value, accountant->epsilon(one, delta).value, 1e-9);
}

TEST(NoisyMax, FollowsTheVotesAsOftenAsTheNoiseAllows) {
  privacy::InsecureNoise noise(2);
  constexpr int kQueries = 20000;
  const std::vector<std::vector<double>> counts(kQueries, {3, 1});
  const NoisyVotes votes = noisy_max(counts, 2, noise);
  double first = 0;
  for (const std::int64_t winner : votes.winners) first += winner == 0 ? 1 : 0;
  // The difference of two counts has standard deviation 2 sqrt(2): P(2 + N > 0) = Phi(1 / sqrt 2).
  const double expected = 0.5 * std::erfc(-1 / std::sqrt(2.0) / std::sqrt(2.0));
  EXPECT_NEAR(first / kQueries, expected, 5 * std::sqrt(expected * (1 - expected) / kQueries));
}

TEST(NoisyMax, RefusesVotesWithoutNoise) {
  privacy::InsecureNoise noise(1);
  for (const double deviation : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    try {
      noisy_max({{1, 2}}, deviation, noise);
      ADD_FAILURE() << deviation;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kPrivacyRefused);
    }
  }
  EXPECT_THROW(noisy_max({}, 1, noise), Error);
}

TEST(PartOf, DependsOnTheIdentityAloneAndSpreads) {
  std::vector<int> sizes(10, 0);
  for (int i = 0; i < 5000; ++i) ++sizes[static_cast<std::size_t>(part_of(std::to_string(i), 7, 10))];
  for (const int size : sizes) EXPECT_NEAR(size, 500, 6 * std::sqrt(450.0));
  EXPECT_EQ(part_of("a", 7, 10), part_of("a", 7, 10));
}

}  // namespace
}  // namespace discreet::mitigate
