// Quantiles and heavy hitters of devices against the plain computation on pooled data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/federated/analytics/heavy_hitters.h"
#include "discreet/federated/analytics/quantile.h"

namespace discreet::federated {
namespace {

std::vector<std::vector<double>> skewed_devices(std::size_t devices, std::uint64_t seed, std::size_t most) {
  core::ReproducibleRng rng(seed, "quantiles");
  std::vector<std::vector<double>> values(devices);
  for (auto& device : values) {
    for (std::size_t n = rng.below(most + 1); n > 0; --n) device.push_back(std::exp(rng.normal()));
  }
  return values;
}

/// The smallest value with at least a share `q` of all at or below it.
double pooled_quantile(const std::vector<std::vector<double>>& devices, double q) {
  std::vector<double> all;
  for (const auto& device : devices) all.insert(all.end(), device.begin(), device.end());
  std::sort(all.begin(), all.end());
  return all[static_cast<std::size_t>(std::ceil(q * double(all.size()))) - 1];
}

TEST(Quantiles, WithoutNoiseEqualPooledOnesToTheGrid) {
  privacy::InsecureNoise noise(1);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto devices = skewed_devices(200, seed, 5);
    const QuantileOptions options{.low = 0, .high = 50, .depth = 16, .most_values = 5};
    const std::vector<double> asked = {0.1, 0.5, 0.9, 0.99};
    const auto tree = tree_quantiles(devices, asked, options, noise);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const double pooled = pooled_quantile(devices, asked[i]);
      const double found = *search_quantile(devices, asked[i], options, noise).answers[0].value;
      EXPECT_NEAR(found, pooled, 50.0 / (1 << 16) + 1e-12) << asked[i];
      EXPECT_NEAR(*tree.answers[i].value, pooled, 50.0 / (1 << 16) + 1e-12) << asked[i];
    }
  }
}

TEST(Quantiles, EventsAreWhatWasDone) {
  privacy::InsecureNoise noise(1);
  const auto devices = skewed_devices(50, 1, 1);
  const auto one = privacy::Event::gaussian(privacy::NoiseMultiplier(2));
  const QuantileOptions options{.low = 0, .high = 10, .depth = 12, .noise_multiplier = 2};
  EXPECT_EQ(search_quantile(devices, 0.5, options, noise).event, privacy::Event::self_composed(one, 12));
  EXPECT_EQ(tree_quantiles(devices, std::vector<double>{0.5, 0.9}, options, noise).event, one);
  EXPECT_EQ(search_quantile(devices, 0.5, {}, noise).event, privacy::Event::non_private());
  EXPECT_EQ(search_quantile(devices, 0.9, options, noise).answers[0].rank_deviation, 2 * 0.9);
}

TEST(Quantiles, NoisyOnesStayWithinTheirRanks) {
  // 40 releases with 6 standard deviations of rank each: below 1e-6 to fail by chance.
  const auto devices = skewed_devices(3000, 2, 1);
  std::size_t all = 0;
  for (const auto& device : devices) all += device.size();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    privacy::InsecureNoise noise(seed);
    const QuantileOptions options{.low = 0, .high = 20, .depth = 10, .noise_multiplier = 4};
    for (const auto& release : {search_quantile(devices, 0.5, options, noise),
                                tree_quantiles(devices, std::vector<double>{0.5}, options, noise)}) {
      const QuantileAnswer& answer = release.answers[0];
      std::size_t below_low = 0, below_high = 0;
      for (const auto& device : devices) {
        for (const double value : device) {
          below_low += value <= answer.low;
          below_high += value <= answer.high;
        }
      }
      const double slack = 7 * answer.rank_deviation;
      EXPECT_LE(double(below_low), 0.5 * double(all) + slack);
      EXPECT_GE(double(below_high), 0.5 * double(all) - slack);
    }
  }
}

TEST(Quantiles, ConsistencyMakesTreesBetter) {
  // The total of a tree of depth 8 from its children alone has twice the noise of a node; least squares
  // over all levels brings it below (Hay et al. 2010).
  const std::vector<std::vector<double>> nobody(1);
  double squares = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    privacy::InsecureNoise noise(seed);
    const QuantileOptions options{.low = 0, .high = 1, .depth = 8, .noise_multiplier = 1};
    const auto release = tree_quantiles(nobody, std::vector<double>{0.5}, options, noise);
    squares += *release.count * *release.count / 8;  // a node's variance is depth
  }
  // Variance v(h) = 2 w(h - 1), w = 2 w' / (1 + 2 w') from w = 1 at the leaves: near 1 in units of a node.
  double w = 1;
  for (int level = 1; level < 8; ++level) w = 2 * w / (1 + 2 * w);
  EXPECT_NEAR(squares / 400, 2 * w, 0.45);  // relative standard error .07: six of them
}

TEST(Quantiles, EdgeCases) {
  privacy::InsecureNoise noise(1);
  EXPECT_FALSE(search_quantile({}, 0.5, {}, noise).answers[0].value);
  EXPECT_FALSE(tree_quantiles({}, std::vector<double>{0.5}, {}, noise).answers[0].value);
  const std::vector<std::vector<double>> odd = {{std::nan("")}, {-5}, {0.5}, {1e300}};
  EXPECT_NEAR(*search_quantile(odd, 0.5, {}, noise).answers[0].value, 0.5, 1e-4);
  EXPECT_THROW(search_quantile(odd, 0, {}, noise), Error);
  EXPECT_THROW(search_quantile(odd, 0.5, {.low = 1, .high = 1}, noise), Error);
}

std::vector<std::vector<std::string>> word_devices(std::size_t devices, std::uint64_t seed, std::size_t each) {
  const std::vector<std::string> words = {"cat", "cats", "catalogue", "dog", "do", "rare", "a", "unheard", "zebra", "never"};
  core::ReproducibleRng rng(seed, "words");
  std::vector<std::vector<std::string>> held(devices);
  for (auto& device : held) {
    for (std::size_t i = 0; i < each; ++i) {
      // Geometric: each word half as common as the one before.
      std::size_t place = 0;
      while (place + 1 < words.size() && rng.uniform() < 0.5) ++place;
      device.push_back(words[place]);
    }
  }
  return held;
}

std::map<std::string, double> pooled_counts(const std::vector<std::vector<std::string>>& devices) {
  std::map<std::string, double> counts;
  for (const auto& device : devices) {
    std::map<std::string, int> once;
    for (const auto& word : device) once[word] = 1;
    for (const auto& [word, one] : once) counts[word] += one;
  }
  return counts;
}

TEST(HeavyHitters, WithoutNoiseEqualPooledCounts) {
  privacy::InsecureNoise noise(1);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto devices = word_devices(300, seed, 4);
    const auto found = find_heavy_hitters(devices, {.most_items = 4, .threshold = 20}, noise, nullptr);
    std::map<std::string, double> got, want = pooled_counts(devices);
    for (const auto& hitter : found.items) got[hitter.item] = hitter.devices;
    std::erase_if(want, [](const auto& entry) { return entry.second < 20; });
    EXPECT_EQ(got, want);
    EXPECT_TRUE(std::is_sorted(found.items.begin(), found.items.end(), [](const auto& a, const auto& b) { return a.devices > b.devices; }));
  }
}

TEST(HeavyHitters, WhatFewHoldIsNeverNamed) {
  privacy::InsecureNoise noise(1);
  std::vector<std::vector<std::string>> devices(50, {"common"});
  devices[3] = {"secret"};
  devices[4] = {"secrets"};
  devices[5] = {"Common"};              // a letter outside the alphabet
  devices[6] = {"commonbutfartoolong"};
  const auto found = find_heavy_hitters(devices, {}, noise, nullptr);
  ASSERT_EQ(found.items.size(), 1u);
  EXPECT_EQ(found.items[0].item, "common");
  EXPECT_EQ(found.items[0].devices, 46);
  EXPECT_EQ(found.event, privacy::Event::non_private());
}

TEST(HeavyHitters, NoisyCountsFindTheCommonOnesAndNothingElse) {
  const auto devices = word_devices(4000, 5, 1);
  const auto counts = pooled_counts(devices);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    privacy::InsecureNoise noise(seed);
    core::ReproducibleRng rng(seed, "asked");
    const HeavyHitterOptions options{.noise_multiplier = 3, .sampling_rate = 0.5};
    const auto found = find_heavy_hitters(devices, options, noise, [&] { return rng.uniform(); });
    ASSERT_GE(found.items.size(), 3u);
    EXPECT_EQ(found.items[0].item, "cat");
    // Half of the devices answer: 6 standard deviations of that and of the noise.
    EXPECT_NEAR(found.items[0].devices, counts.at("cat"), 6 * (std::sqrt(counts.at("cat")) + 6));
    for (const auto& hitter : found.items) EXPECT_TRUE(counts.count(hitter.item)) << hitter.item;
    EXPECT_EQ(found.event, privacy::Event::self_composed(
                               privacy::Event::poisson_sampled(privacy::SamplingRate(0.5),
                                                               privacy::Event::gaussian(privacy::NoiseMultiplier(3))), 13));
  }
}

TEST(HeavyHitters, RoundsDoNotDependOnTheData) {
  privacy::InsecureNoise noise(1);
  const std::vector<std::vector<std::string>> nobody(3);
  EXPECT_EQ(find_heavy_hitters(nobody, {.longest = 7, .noise_multiplier = 1}, noise, nullptr).rounds, 8);
  EXPECT_THROW(find_heavy_hitters(nobody, {.alphabet = ""}, noise, nullptr), Error);
  EXPECT_THROW(find_heavy_hitters(nobody, {.sampling_rate = 0}, noise, nullptr), Error);
}

}  // namespace
}  // namespace discreet::federated
