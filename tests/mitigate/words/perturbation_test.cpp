#include "discreet/mitigate/words/perturbation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/words/noisy_vector.h"

namespace discreet::mitigate {
namespace {

std::vector<std::string> numbered_words(std::size_t n) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < n; ++i) words.push_back("w" + std::to_string(i));
  return words;
}

WordSpace random_space(std::size_t n, std::size_t dimension, std::uint64_t seed) {
  core::ReproducibleRng rng(seed);
  std::vector<float> values(n * dimension);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return WordSpace(numbered_words(n), std::move(values), dimension);
}

std::unique_ptr<Perturbation> make(const std::string& name, const WordSpace& space, double epsilon,
                                   const std::vector<std::string>& set = {}) {
  core::Config config;
  for (const std::string& assignment : set) config.add_assignment(assignment);
  return core::registry().make<MakePerturbation>("perturbation", name)(space, epsilon, config);
}

double distance_of(const WordSpace& space, std::size_t a, std::size_t b) {
  double sum = 0;
  for (std::size_t k = 0; k < space.dimension(); ++k) sum += std::pow(double{space.row(a)[k]} - space.row(b)[k], 2);
  return std::sqrt(sum);
}

/// Largest |log P(out | a) - log P(out | b)| - epsilon d(a, b) over all pairs and outcomes.
double worst_excess(const WordSpace& space, Perturbation& mechanism, double epsilon) {
  std::vector<std::vector<double>> p;
  for (std::size_t w = 0; w < space.size(); ++w) p.push_back(mechanism.distribution(w).value());
  double worst = -1e300;
  for (std::size_t a = 0; a < space.size(); ++a) {
    for (std::size_t b = 0; b < space.size(); ++b) {
      for (std::size_t out = 0; a != b && out < space.size(); ++out) {
        worst = std::max(worst, std::log(p[a][out] / p[b][out]) - epsilon * distance_of(space, a, b));
      }
    }
  }
  return worst;
}

TEST(WordSpace, DistancesAsInDoublePrecision) {
  const WordSpace space = random_space(131, 37, 1);
  std::vector<float> queries, out(7 * space.size());
  std::vector<std::size_t> own = {3, 50, 130, 0, 64, 65, 1};
  for (const std::size_t word : own) queries.insert(queries.end(), space.row(word).begin(), space.row(word).end());
  space.distances(queries, own, out);
  for (std::size_t q = 0; q < own.size(); ++q) {
    EXPECT_EQ(out[q * space.size() + own[q]], 0);
    for (std::size_t i = 0; i < space.size(); ++i) {
      EXPECT_NEAR(out[q * space.size() + i], distance_of(space, own[q], i), 1e-4);
    }
  }
  double least = 1e300, most = 0;
  for (std::size_t a = 0; a < space.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      least = std::min(least, distance_of(space, a, b));
      most = std::max(most, distance_of(space, a, b));
    }
  }
  EXPECT_NEAR(space.range().least, least, 1e-4);
  EXPECT_NEAR(space.range().most, most, 1e-4);
  EXPECT_EQ(space.find("w7"), 7U);
  EXPECT_EQ(space.find("zebra"), space.size());
}

TEST(WordSpace, DistancesFarFromTheOriginAndNearEachOther) {
  // Two groups a thousand apart, each of vectors within a hundredth; and all of it far out.
  for (const double offset : {0.0, 1000.0}) {
    core::ReproducibleRng rng(9);
    std::vector<float> values;
    for (std::size_t i = 0; i < 40; ++i) {
      for (std::size_t k = 0; k < 8; ++k) values.push_back(static_cast<float>(offset + (i % 2 == 0 ? 300 : 0) + .01 * rng.normal()));
    }
    const WordSpace space(numbered_words(40), std::move(values), 8);
    std::vector<float> out(space.size());
    for (const std::size_t word : {std::size_t{0}, std::size_t{7}}) {
      space.distances(space.row(word), std::span(&word, 1), out);
      for (std::size_t i = 0; i < space.size(); ++i) EXPECT_NEAR(out[i], distance_of(space, word, i), 1e-5 * distance_of(space, word, i)) << offset;
    }
  }
}

TEST(WordSpace, DistancesKeepTheirDigitsInManyDimensions) {
  for (const std::size_t dimension : {1UL, 2UL, 99UL, 100UL, 300UL}) {
    const WordSpace space = random_space(50, dimension, 3);
    std::vector<float> out(space.size());
    for (std::size_t word = 0; word < space.size(); ++word) {
      space.distances(space.row(word), {}, out);
      for (std::size_t i = 0; i < space.size(); ++i) {
        EXPECT_NEAR(out[i], distance_of(space, word, i), 2e-6 * distance_of(space, word, i)) << dimension;
      }
    }
  }
}

TEST(WordSpace, RefusesVectorsThatAreNoMetric) {
  EXPECT_THROW(WordSpace({"a", "b"}, {1, 2, 1, 2}, 2), Error);   // one vector
  EXPECT_THROW(WordSpace({"a", "b"}, {1, 2, 0, 0}, 2), Error);   // zero
  EXPECT_THROW(WordSpace({"a", "a"}, {1, 2, 3, 4}, 2), Error);   // one word
  EXPECT_THROW(WordSpace({"a"}, {1, 2}, 2), Error);
}

TEST(Perturbation, TruncatedExponentialKeepsItsBoundByEnumeration) {
  for (const double epsilon : {0.3, 2.0, 11.54}) {
    const WordSpace space = random_space(40, 3, 2);
    EXPECT_LE(worst_excess(space, *make("truncated-exponential", space, epsilon), epsilon), 1e-4) << epsilon;
    EXPECT_LE(worst_excess(space, *make("truncated-exponential", space, epsilon, {"truncated-exponential.beta=0.3"}), epsilon), 1e-4);
  }
}

TEST(Perturbation, TruncatedExponentialByHand) {
  // On a line: 0+1, 1+1, 3+1 (no zero vector). epsilon 2: weights exp(-d) from the first: 1, e^-1, e^-3.
  const WordSpace space({"a", "b", "c"}, {1, 2, 4}, 1);
  const auto p = make("truncated-exponential", space, 2)->distribution(0).value();
  const double total = 1 + std::exp(-1) + std::exp(-3);
  EXPECT_NEAR(p[0], 1 / total, 1e-6);
  EXPECT_NEAR(p[1], std::exp(-1) / total, 1e-6);
  EXPECT_NEAR(p[2], std::exp(-3) / total, 1e-6);
  // beta .5: gamma = ln 3 = 1.0986 is nearer than the third word, which is drawn as if there.
  const auto cut = make("truncated-exponential", space, 2, {"truncated-exponential.beta=0.5"})->distribution(0).value();
  EXPECT_NEAR(cut[2], 1.0 / 3 / (1 + std::exp(-1) + 1.0 / 3), 1e-6);
}

TEST(Perturbation, DrawsFollowTheDistribution) {
  const WordSpace space = random_space(30, 3, 3);
  const auto mechanism = make("truncated-exponential", space, 2);
  core::SecureRng rng;
  constexpr std::size_t kDraws = 40000;
  const std::vector<std::size_t> drawn = mechanism->replace(std::vector<std::size_t>(kDraws, 4), rng);
  const auto p = mechanism->distribution(4).value();
  std::vector<double> counts(space.size());
  for (const std::size_t out : drawn) counts[out] += 1;
  double chi = 0;
  std::size_t cells = 0;
  for (std::size_t i = 0; i < space.size(); ++i) {
    const double expected = p[i] * kDraws;
    if (expected < 5) continue;
    chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    ++cells;
  }
  // Of at most 30 cells: a chi-square with 29 degrees of freedom is above 85 with probability 2e-7.
  EXPECT_GT(cells, 10U);
  EXPECT_LT(chi, 85);
}

TEST(Perturbation, CalibratedNoiseHasItsLength) {
  // |noise| is Gamma(50, 1/4): mean 12.5, deviation sqrt(50)/4 = 1.77; of 4,000 the mean has .028, six of which .17.
  core::SecureRng rng;
  double sum = 0, first = 0;
  for (int i = 0; i < 4000; ++i) {
    std::vector<float> vector(50);
    add_calibrated_noise(4, vector, rng);
    double square = 0;
    for (const float value : vector) square += double{value} * value;
    sum += std::sqrt(square);
    first += vector[0];
  }
  EXPECT_NEAR(sum / 4000, 12.5, .17);
  EXPECT_NEAR(first / 4000, 0, 6 * 12.6 / std::sqrt(50.0) / std::sqrt(4000.0));
}

TEST(Perturbation, NoiseFallsWithEpsilon) {
  const WordSpace space = random_space(60, 5, 4);
  core::SecureRng rng;
  for (const char* name : {"calibrated-multivariate", "mahalanobis", "truncated-exponential"}) {
    const std::vector<std::size_t> words(400, 7);
    const auto kept = [&](double epsilon) {
      const auto drawn = make(name, space, epsilon)->replace(words, rng);
      return std::count(drawn.begin(), drawn.end(), std::size_t{7});
    };
    EXPECT_GT(kept(200), 390) << name;
    EXPECT_LT(kept(0.1), 100) << name;
    EXPECT_TRUE(make(name, space, 1)->proven());
  }
}

TEST(Perturbation, VickreyChoosesWithoutTheInput) {
  const WordSpace space = random_space(60, 5, 5);
  core::SecureRng rng;
  const std::vector<std::size_t> words(300, 9);
  const auto first = make("vickrey", space, 500, {"vickrey.second=0.0"})->replace(words, rng);
  EXPECT_EQ(std::count(first.begin(), first.end(), std::size_t{9}), 300);
  // Its own word may be the second choice's loss: with 1 it is always the other.
  const auto second = make("vickrey", space, 500, {"vickrey.second=1.0"})->replace(words, rng);
  EXPECT_EQ(std::count(second.begin(), second.end(), std::size_t{9}), 0);
}

TEST(Perturbation, TruncatedGumbelClaimsNothingAndRefusesSmallEpsilon) {
  const WordSpace space = random_space(30, 4, 6);
  const double needed = (2 * (1 + std::log(30.0)) + 3) / space.range().least;
  try {
    make("truncated-gumbel", space, needed * .99);
    FAIL() << "an epsilon without a noise scale was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kPrivacyRefused);
    EXPECT_NE(std::string(error.what()).find("needs more than"), std::string::npos);
  }
  const auto mechanism = make("truncated-gumbel", space, needed * 3);
  EXPECT_FALSE(mechanism->proven());
  EXPECT_NE(mechanism->statement().find("no guarantee"), std::string::npos);
  core::SecureRng rng;
  for (const std::size_t out : mechanism->replace(std::vector<std::size_t>(50, 1), rng)) EXPECT_LT(out, space.size());
}

/// Against the mechanism by its definition, one word at a time, with all words sorted.
TEST(PerturbationStatistical, TruncatedGumbelDrawsAsDefined) {
  const WordSpace space = random_space(30, 4, 6);
  const auto range = space.range();
  const double words = 30, epsilon = 3 * (2 * (1 + std::log(words)) + 3) / range.least, a = (epsilon - 2 * (1 + std::log(words)) / range.least) / 3;
  double lambert = 1;  // w exp(w) = 2 a Dmax, by Newton's method
  for (int i = 0; i < 100; ++i) lambert -= (lambert * std::exp(lambert) - 2 * a * range.most) / (std::exp(lambert) * (lambert + 1));
  const double scale = 2 * range.most / std::min(lambert, std::log(a * range.least));
  constexpr std::size_t kDraws = 40000;
  core::ReproducibleRng naive(11);
  core::SecureRng rng;
  for (const std::size_t word : {std::size_t{1}, std::size_t{17}}) {
    std::vector<std::pair<double, std::size_t>> order;
    for (std::size_t i = 0; i < space.size(); ++i) order.emplace_back(distance_of(space, word, i), i);
    std::sort(order.begin(), order.end());
    std::vector<double> expected(space.size()), found(space.size());
    for (std::size_t n = 0; n < kDraws; ++n) {
      std::size_t k = 0;
      while (k < 1 || k > space.size()) {
        k = 0;
        for (double product = naive.uniform(); product > 1 / (words - 1); product *= naive.uniform()) ++k;
      }
      std::size_t best = 0;
      double least = 1e300;
      for (std::size_t i = 0; i < k; ++i) {
        double noise = 1e300;
        while (std::abs(noise) > range.most) noise = -scale * std::log(-std::log(naive.uniform()));
        if (order[i].first + noise < least) {
          least = order[i].first + noise;
          best = order[i].second;
        }
      }
      expected[best] += 1.0 / kDraws;
    }
    for (const std::size_t out : make("truncated-gumbel", space, epsilon)->replace(std::vector<std::size_t>(kDraws, word), rng)) found[out] += 1.0 / kDraws;
    for (std::size_t i = 0; i < space.size(); ++i) {
      EXPECT_NEAR(found[i], expected[i], 6 * std::sqrt(2 * (expected[i] + found[i]) / kDraws) + 2.0 / kDraws) << word << " " << i;
    }
  }
}

}  // namespace
}  // namespace discreet::mitigate
