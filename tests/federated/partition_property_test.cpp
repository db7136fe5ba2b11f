#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "discreet/core/registry.h"
#include "discreet/federated/dirichlet.h"
#include "discreet/federated/internal/label_rule.h"
#include "discreet/federated/partition_statistics.h"
#include "discreet/stats/divergence.h"

namespace discreet::federated {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::string> methods() {
  std::vector<std::string> names;
  for (const auto* entry : core::registry().list("partition")) names.push_back(entry->name);
  return names;
}

/// Items with labels of unequal frequency, a factor and features that follow the label.
PartitionInput made_input(std::int64_t train, std::int64_t test, std::int32_t labels,
                          std::uint64_t seed) {
  core::ReproducibleRng rng(seed, "items");
  PartitionInput input;
  input.train = train;
  input.test = test;
  for (std::int32_t l = 0; l < labels; ++l) input.label_names.push_back("label" + std::to_string(l));
  for (std::int64_t i = 0; i < input.size(); ++i) {
    const double u = rng.uniform();
    const auto label = std::min(labels - 1, static_cast<std::int32_t>(u * u * labels));
    input.label.push_back(label);
    input.factor.push_back("user" + std::to_string(rng.below(7)));
  }
  input.features = [label = input.label, labels] {
    FeatureRows rows;
    rows.width = labels;
    for (const std::int32_t l : label) {
      rows.columns.push_back(l);
      rows.values.push_back(1);
      rows.offsets.push_back(rows.columns.size());
    }
    return rows;
  };
  return input;
}

PartitionOptions options_for(const std::string& method, std::int64_t clients, double alpha,
                             std::uint64_t seed) {
  PartitionOptions options;
  options.clients = method == "natural" ? 0 : clients;
  options.alpha = alpha;
  options.seed = seed;
  options.clusters = 3;
  return options;
}

std::multiset<std::int64_t> all_indices(const Partition& partition) {
  std::multiset<std::int64_t> all(partition.left_out.begin(), partition.left_out.end());
  for (const ClientPart& client : partition.clients) {
    all.insert(client.train.begin(), client.train.end());
    all.insert(client.test.begin(), client.test.end());
  }
  return all;
}

TEST(PartitionMethods, EveryIndexExactlyOnceAndMinimaHold) {
  for (const std::string& method : methods()) {
    for (const PartitionMode mode : {PartitionMode::kCoherent, PartitionMode::kFednlp}) {
      SCOPED_TRACE(method);
      EXPECT_TRUE(rc::check([&] {
        const auto clients = *rc::gen::inRange<std::int64_t>(1, 12);
        const auto train = *rc::gen::inRange<std::int64_t>(2 * clients + 8, 300);
        const auto test = *rc::gen::element<std::int64_t>(0, clients, 50 + clients);
        const auto seed = *rc::gen::arbitrary<std::uint32_t>();
        const double alpha = *rc::gen::element(1e-6, 0.01, 0.1, 1.0, 100.0, kInfinity);
        const auto input = made_input(train, test, *rc::gen::inRange<std::int32_t>(1, 9), seed);
        auto options = options_for(method, clients, alpha, seed);
        options.mode = mode;
        const Partition partition = make_partition(method, input, options);
        const auto all = all_indices(partition);
        RC_ASSERT(static_cast<std::int64_t>(all.size()) == train + test);
        std::int64_t expected = 0;
        for (const std::int64_t index : all) RC_ASSERT(index == expected++);
        if (mode == PartitionMode::kFednlp || method == "natural") return;
        RC_ASSERT(static_cast<std::int64_t>(partition.clients.size()) == clients);
        for (const ClientPart& client : partition.clients) {
          RC_ASSERT(!client.train.empty());
          RC_ASSERT(!client.test.empty());
          if (test == 0) continue;
          for (const std::int64_t index : client.train) RC_ASSERT(index < train);
          for (const std::int64_t index : client.test) RC_ASSERT(index >= train);
        }
      }));
    }
  }
}

TEST(PartitionMethods, SameSeedSamePartitionOtherSeedAnother) {
  for (const std::string& method : methods()) {
    const auto input = made_input(200, 40, 5, 3);
    const auto draw = [&](std::uint64_t seed) {
      std::vector<std::vector<std::int64_t>> parts;
      for (const auto& client : make_partition(method, input, options_for(method, 8, 0.5, seed)).clients) {
        parts.push_back(client.train);
        parts.push_back(client.test);
      }
      return parts;
    };
    EXPECT_EQ(draw(1), draw(1)) << method;
    if (method == "natural") continue;
    EXPECT_NE(draw(1), draw(2)) << method;
  }
}

/// Largest difference between a client's count of a label and its share of the whole.
double worst_departure(const Partition& partition, const PartitionInput& input) {
  const std::size_t labels = input.label_names.size();
  const auto all = internal::count_labels(
      std::span<const std::int32_t>(input.label).first(static_cast<std::size_t>(input.train)), labels);
  double worst = 0;
  for (const ClientPart& client : partition.clients) {
    std::vector<double> counts(labels, 0.0);
    for (const std::int64_t item : client.train) ++counts[static_cast<std::size_t>(input.label[static_cast<std::size_t>(item)])];
    for (std::size_t l = 0; l < labels; ++l) {
      const double wanted = double(all[l]) * double(client.train.size()) / double(input.train);
      worst = std::max(worst, std::abs(counts[l] - wanted));
    }
  }
  return worst;
}

TEST(PartitionMethods, InfiniteAlphaGivesTheGlobalMix) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    const auto input = made_input(997, 100, 7, seed);
    const auto even = make_partition("label-dirichlet", input, options_for("label-dirichlet", 23, kInfinity, seed));
    EXPECT_LE(worst_departure(even, input), 2.0) << seed;  // rounding alone
    const auto skewed = make_partition("label-dirichlet", input, options_for("label-dirichlet", 23, 0.1, seed));
    EXPECT_GT(worst_departure(skewed, input), 8.0) << seed;
  }
}

TEST(PartitionMethods, SkewFallsWithAlpha) {
  const auto input = made_input(4000, 0, 10, 11);
  double last = 1;
  for (const double alpha : {0.1, 2.0, 30.0, 1000.0}) {
    const auto partition = make_partition("label-dirichlet", input, options_for("label-dirichlet", 20, alpha, 5));
    const auto distances = partition_distances(partition, input.label, 10);
    double sum = 0;
    for (const auto& d : distances.to_all) sum += *d / 20;
    EXPECT_LT(sum, last) << alpha;
    last = sum;
  }
  EXPECT_LT(last, 0.05);
}

TEST(PartitionMethods, TestPartFollowsTheTrainPart) {
  // Mode coherent: a client's two parts are near each other and far from other clients'. The draws of
  // mode fednlp are independent: no nearer than those of two clients.
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto input = made_input(6000, 1500, 10, seed);
    auto options = options_for("label-dirichlet", 15, 0.3, seed);
    const auto mean = [](const PartitionDistances& distances) {
      double own = 0, other = 0;
      for (const auto& d : distances.train_test) own += *d / 15;
      for (const auto& row : distances.between) {
        for (const double d : row) other += d / (15 * 14);
      }
      return own / other;
    };
    const auto coherent = make_partition("label-dirichlet", input, options);
    EXPECT_LT(mean(partition_distances(coherent, input.label, 10)), 0.35) << seed;
    options.mode = PartitionMode::kFednlp;
    const auto apart = make_partition("label-dirichlet", input, options);
    EXPECT_GT(mean(partition_distances(apart, input.label, 10)), 0.6) << seed;
  }
}

TEST(Dirichlet, MeanIsTheBaseAndTinyAlphaPutsAllInOnePlace) {
  core::ReproducibleRng rng(5, "dirichlet");
  const std::vector<double> base = {0.5, 0.3, 0.2, 0};
  std::vector<double> mean(4, 0.0), square(4, 0.0);
  constexpr int kDraws = 20000;
  for (int i = 0; i < kDraws; ++i) {
    const auto draw = draw_dirichlet(base, 2, rng);
    EXPECT_NEAR(std::accumulate(draw.begin(), draw.end(), 0.0), 1, 1e-12);
    for (std::size_t l = 0; l < 4; ++l) {
      mean[l] += draw[l] / kDraws;
      square[l] += draw[l] * draw[l] / kDraws;
    }
  }
  for (std::size_t l = 0; l < 4; ++l) {
    EXPECT_NEAR(mean[l], base[l], 0.015);  // five standard errors and more
    EXPECT_NEAR(square[l] - mean[l] * mean[l], base[l] * (1 - base[l]) / 3, 0.01);
  }
  for (int i = 0; i < 200; ++i) {
    const auto draw = draw_dirichlet(base, 1e-9, rng);
    EXPECT_GT(*std::max_element(draw.begin(), draw.end()), 0.999);
    EXPECT_EQ(draw[3], 0);
  }
  EXPECT_EQ(draw_dirichlet(base, kInfinity, rng), base);
}

TEST(Dirichlet, LargestRemainder) {
  EXPECT_EQ(largest_remainder(std::vector<double>{2.5, 1.4, 1.1}, 5), (std::vector<std::int64_t>{3, 1, 1}));
  EXPECT_EQ(largest_remainder(std::vector<double>{1.5, 1.5}, 3, std::vector<std::size_t>{1, 0}),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(largest_remainder(std::vector<double>{-1, 3}, 2), (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(largest_remainder(std::vector<double>{0.1 * 3 * 10, 0}, 3), (std::vector<std::int64_t>{3, 0}));
}

TEST(KMeans, FindsPlantedClusters) {
  core::ReproducibleRng rng(9, "clusters");
  FeatureRows rows;
  rows.width = 3;
  std::vector<int> truth;
  for (int i = 0; i < 300; ++i) {
    const int cluster = static_cast<int>(rng.below(3));
    truth.push_back(cluster);
    for (int c = 0; c < 3; ++c) {
      rows.columns.push_back(c);
      rows.values.push_back(static_cast<float>((c == cluster ? 10 : 0) + rng.normal()));
    }
    rows.offsets.push_back(rows.columns.size());
  }
  const auto found = k_means(rows, {.clusters = 3, .steps = 50, .seed = 1, .threads = 1});
  for (int i = 0; i < 300; ++i) {
    for (int j = 0; j < i; ++j) {
      EXPECT_EQ(found.assignment[i] == found.assignment[j], truth[i] == truth[j]);
    }
  }
  EXPECT_NEAR(found.inertia, 900, 150);
  EXPECT_EQ(k_means(rows, {.clusters = 3, .steps = 50, .seed = 1, .threads = 4}).assignment, found.assignment);
  // As many clusters as rows: every row its own.
  FeatureRows few;
  few.width = 1;
  for (const float value : {1.0f, 1.0f, 2.0f}) {
    few.columns.push_back(0);
    few.values.push_back(value);
    few.offsets.push_back(few.columns.size());
  }
  const auto own = k_means(few, {.clusters = 3});
  EXPECT_EQ((std::set<std::int32_t>(own.assignment.begin(), own.assignment.end())).size(), 3u);
  EXPECT_THROW(k_means(few, {.clusters = 4}), Error);
}

}  // namespace
}  // namespace discreet::federated
