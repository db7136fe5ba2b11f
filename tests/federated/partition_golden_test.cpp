// Values of FedNLP's label rule and of Jensen-Shannon distances, computed in double precision by an
// independent program.
#include <gtest/gtest.h>

#include <cmath>

#include "discreet/federated/internal/label_rule.h"
#include "discreet/federated/partition_files.h"
#include "discreet/stats/divergence.h"

namespace discreet::federated {
namespace {

TEST(FednlpLabelRule, ThreeClientsOfTwelveItems) {
  const std::vector<std::int64_t> available = {6, 4, 2};
  const std::vector<std::vector<double>> draws = {{0.7, 0.1, 0.2}, {0.55, 0.25, 0.2}, {0.1, 0.8, 0.1}};
  const auto counts = internal::fednlp_label_counts(
      available, 3, [&](std::int64_t client) { return draws[static_cast<std::size_t>(client)]; });
  EXPECT_EQ(counts, (internal::LabelCounts{{3, 0, 1}, {2, 1, 1}, {1, 3, 0}}));
}

TEST(FednlpLabelRule, LeftoversGoToTheLastClient) {
  const std::vector<std::int64_t> available = {7, 7};
  const auto counts = internal::fednlp_label_counts(
      available, 4, [](std::int64_t) { return std::vector<double>{0.5, 0.5}; });
  // floor(14 / 4) = 3: round(1.5) = 2 of the first label (half to even), the rest of the second; the
  // last client takes all five that are left.
  EXPECT_EQ(counts, (internal::LabelCounts{{2, 1}, {2, 1}, {2, 1}, {1, 4}}));
}

TEST(FednlpLabelRule, NamesOfGroups) {
  EXPECT_EQ(fednlp_name("label-dirichlet", 100, 1), "niid_label_clients=100_alpha=1");
  EXPECT_EQ(fednlp_name("label-dirichlet", 30, 0.1), "niid_label_clients=30_alpha=0.1");
  EXPECT_EQ(fednlp_name("cluster-dirichlet", 30, 0.01), "niid_cluster_clients=30_alpha=0.01");
  EXPECT_EQ(fednlp_name("quantity-dirichlet", 100, 5), "niid_quantity_clients=100_beta=5.0");
  EXPECT_EQ(fednlp_name("natural", 6, 1), "natural_clients=6");
  EXPECT_EQ(fednlp_name("uniform", 6, 1), "uniform");
}

TEST(JensenShannon, ReferenceValues) {
  const std::vector<double> p = {0.5, 0.5, 0}, q = {0.1, 0.2, 0.7};
  EXPECT_NEAR(stats::jensen_shannon_divergence(p, q), 0.3485844619, 1e-9);
  EXPECT_NEAR(stats::jensen_shannon_divergence(p, q) / std::log(2.0), 0.5029010745, 1e-9);
  EXPECT_NEAR(stats::jensen_shannon_distance(p, q), 0.5904104182, 1e-9);
  EXPECT_NEAR(stats::jensen_shannon_distance(p, q, 2), 0.7091551837, 1e-9);
  const std::vector<double> counts = {5, 5, 0};
  EXPECT_NEAR(stats::jensen_shannon_distance(counts, q), 0.5904104182, 1e-9);
}

TEST(JensenShannon, Ends) {
  const std::vector<double> p = {1, 0}, q = {0, 3};
  EXPECT_DOUBLE_EQ(stats::jensen_shannon_distance(p, q), std::sqrt(std::log(2.0)));
  EXPECT_DOUBLE_EQ(stats::jensen_shannon_distance(p, p), 0);
  const std::vector<double> zero = {0, 0};
  EXPECT_THROW(stats::jensen_shannon_divergence(p, zero), Error);
}

TEST(Gini, ReferenceValues) {
  EXPECT_DOUBLE_EQ(stats::gini(std::vector<double>{1, 2, 3, 4}), 0.25);
  EXPECT_DOUBLE_EQ(stats::gini(std::vector<double>{4, 1, 3, 2}), 0.25);
  EXPECT_NEAR(stats::gini(std::vector<double>{7, 7, 7}), 0, 1e-15);
  EXPECT_NEAR(stats::gini(std::vector<double>{0, 0, 0, 5}), 0.75, 1e-15);
  EXPECT_EQ(stats::gini(std::vector<double>{0, 0}), 0);
  EXPECT_THROW(stats::gini(std::vector<double>{1, -1}), Error);
}

}  // namespace
}  // namespace discreet::federated
