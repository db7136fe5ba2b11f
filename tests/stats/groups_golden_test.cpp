// Oracles of fairness.md 6.2: values computed there in double precision; demographic parity and
// equalised odds equal fairlearn 0.15.0. Rows of "fairlearn's own tests" are the 71 of
// test/unit/metrics/data_for_test.py.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "discreet/stats/groups.h"

namespace discreet::stats {
namespace {

struct Table {
  std::vector<std::uint32_t> group;
  std::vector<std::int64_t> label, prediction;
  std::vector<double> weight;

  Table(const std::string& y, const std::string& p, const std::string& g,
        const std::string& w = "") {
    for (std::size_t i = 0; i < y.size(); ++i) {
      label.push_back(y[i] - '0');
      prediction.push_back(p[i] - '0');
      group.push_back(std::uint32_t(g[i] - 'a'));
      if (!w.empty()) weight.push_back(w[i] - '0');
    }
  }
  GroupedPredictions view(std::size_t groups) const {
    return {.group = group,
            .groups = groups,
            .label = label,
            .prediction = prediction,
            .weight = weight};
  }
};

GroupReport report_of(const Table& table, std::size_t groups) {
  return group_report(table.view(groups), {.resamples = 50});
}

const GroupGap& gap(const GroupReport& report, const std::string& metric) {
  for (const GroupGap& candidate : report.gaps) {
    if (candidate.metric == metric) return candidate;
  }
  throw std::runtime_error("no gap " + metric);
}

double gap_value(const GroupReport& report, const std::string& metric) {
  return gap(report, metric).value.value();
}

const Rate& rate(const GroupRates& rates, const std::string& name) {
  const auto& names = rate_names(true);
  return rates.rates[std::size_t(std::find(names.begin(), names.end(), name) - names.begin())];
}

const Table kToy("111110000011110000110000", "111101000011001100110011",
                 "aaaaaaaaaabbbbbbbbcccccc");

TEST(GroupsGolden, RatesOfTheToy) {
  const GroupReport r = report_of(kToy, 3);
  const double expected[3][3] = {{.5, .8, .2}, {.5, .5, .5}, {2.0 / 3, 1, .5}};
  for (int g = 0; g < 3; ++g) {
    EXPECT_DOUBLE_EQ(*rate(r.by_group[g], "selection_rate").value, expected[g][0]);
    EXPECT_DOUBLE_EQ(*rate(r.by_group[g], "true_positive_rate").value, expected[g][1]);
    EXPECT_DOUBLE_EQ(*rate(r.by_group[g], "false_positive_rate").value, expected[g][2]);
  }
}

TEST(GroupsGolden, GapsOfTheToy) {
  const GroupReport r = report_of(kToy, 3);
  EXPECT_NEAR(gap_value(r, "demographic_parity_difference"), 1.0 / 6, 1e-12);
  EXPECT_NEAR(gap_value(r, "demographic_parity_ratio"), 0.75, 1e-12);
  EXPECT_NEAR(gap_value(r, "demographic_parity_difference_to_overall"), 0.125, 1e-12);
  EXPECT_NEAR(gap_value(r, "equalized_odds_difference"), 0.5, 1e-12);
  EXPECT_NEAR(gap_value(r, "equalized_odds_difference_mean"), 0.4, 1e-12);
  EXPECT_NEAR(gap_value(r, "equalized_odds_ratio"), 0.4, 1e-12);
  EXPECT_NEAR(gap_value(r, "equalized_odds_difference_to_overall"), 0.272727273, 1e-9);
  EXPECT_NEAR(gap_value(r, "equal_opportunity_difference"), 0.5, 1e-12);
  EXPECT_NEAR(gap_value(r, "false_positive_equality_difference"), 0.415384615, 1e-9);
  EXPECT_NEAR(gap_value(r, "false_negative_equality_difference"), 0.572727273, 1e-9);
}

TEST(GroupsGolden, PairOfTheToy) {
  const Table pair("111110000011110000", "111101000011001100", "aaaaaaaaaabbbbbbbb");
  const GroupReport r = report_of(pair, 2);
  for (const char* name : {"false_negative_rate", "false_omission_rate", "false_positive_rate",
                           "false_discovery_rate"}) {
    EXPECT_NEAR(*rate(r.by_group[0], name).value, 0.2, 1e-12) << name;
    EXPECT_NEAR(*rate(r.by_group[1], name).value, 0.5, 1e-12) << name;
    EXPECT_NEAR(gap_value(r, std::string(name) + "_difference"), 0.3, 1e-12) << name;
    EXPECT_NEAR(gap_value(r, std::string(name) + "_ratio"), 0.4, 1e-12) << name;
  }
  EXPECT_NEAR(gap_value(r, "base_rate_ratio"), 1, 1e-12);
  // By hand: (FPR gap .3 + TPR gap -.3) / 2.
  EXPECT_NEAR(gap_value(r, "average_odds_difference"), 0, 1e-12);
}

Table fairlearn_rows(bool weighted) {
  const std::string y = "10111011000111011001110000111111010100101001110001111001110110111111111";
  const std::string p = "01110001111001110110110000111111010100101011011011011111000011111111111";
  const std::string w = "12312123111233121112322121313141213233414131112331211123112321223232341";
  std::string g;
  for (std::size_t i = 0; i < y.size(); ++i) {
    g += i % 4 < 2 ? 'a' : 'b';  // the groups aa and ba, in runs of two
  }
  return Table(y, p, g, weighted ? w : "");
}

TEST(GroupsGolden, FairlearnRows) {
  const GroupReport r = report_of(fairlearn_rows(false), 2);
  EXPECT_NEAR(gap_value(r, "demographic_parity_difference"), 0.074603174603, 1e-12);
  EXPECT_NEAR(gap_value(r, "demographic_parity_ratio"), 0.891203703704, 1e-12);
  EXPECT_NEAR(gap_value(r, "equal_opportunity_difference"), 0.100790513834, 1e-12);
  EXPECT_NEAR(gap_value(r, "false_positive_rate_difference"), 0, 1e-12);
  EXPECT_NEAR(gap_value(r, "equalized_odds_difference"), 0.100790513834, 1e-12);
}

TEST(GroupsGolden, FairlearnRowsWithWeights) {
  const GroupReport r = report_of(fairlearn_rows(true), 2);
  EXPECT_NEAR(gap_value(r, "demographic_parity_difference"), 0.023839137645, 1e-12);
  EXPECT_NEAR(gap_value(r, "demographic_parity_ratio"), 0.964971063052, 1e-12);
  EXPECT_NEAR(gap_value(r, "equal_opportunity_difference"), 0.007272727273, 1e-12);
  EXPECT_NEAR(gap_value(r, "false_positive_rate_difference"), 0.019762845850, 1e-12);
  EXPECT_NEAR(gap_value(r, "equalized_odds_difference"), 0.019762845850, 1e-12);
  EXPECT_FALSE(r.by_group[0].rates[0].ci);  // Wilson is for counts
}

TEST(GroupsGolden, AGroupWithoutPositivesHasNoTruePositiveRate) {
  const Table table("11001100000", "10101100100", "aaaabbbbccc");
  const GroupReport r = report_of(table, 3);
  EXPECT_DOUBLE_EQ(*rate(r.by_group[0], "true_positive_rate").value, .5);
  EXPECT_DOUBLE_EQ(*rate(r.by_group[1], "true_positive_rate").value, 1);
  EXPECT_FALSE(rate(r.by_group[2], "true_positive_rate").value);
  EXPECT_EQ(rate(r.by_group[2], "true_positive_rate").reason, "no examples with a positive label");
  EXPECT_NEAR(*rate(r.by_group[2], "false_positive_rate").value, 1.0 / 3, 1e-15);
  const GroupGap& odds = gap(r, "equalized_odds_difference");
  EXPECT_NEAR(*odds.value, 0.5, 1e-12);
  EXPECT_EQ(odds.excluded, std::vector<std::uint32_t>{2});
}

TEST(GroupsGolden, InequalityOfBenefits) {
  const Table table("1001001011", "1000111010", "aabbbbcccc");
  const BenefitInequality r = benefit_inequality(table.view(3));
  EXPECT_NEAR(*r.generalized_entropy, 0.2, 1e-12);
  EXPECT_NEAR(*r.theil, 0.277258872224, 1e-12);
  EXPECT_NEAR(*r.between_groups, 0.025, 1e-12);
}

}  // namespace
}  // namespace discreet::stats
