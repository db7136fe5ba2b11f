#include "discreet/stats/groups.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

const GroupGap& find_gap(const GroupReport& report, const std::string& metric) {
  for (const GroupGap& gap : report.gaps) {
    if (gap.metric == metric) return gap;
  }
  throw std::runtime_error(metric);
}

struct Rows {
  std::vector<std::uint32_t> group;
  std::vector<std::int64_t> label, prediction;
  void add(std::uint32_t g, std::int64_t y, std::int64_t p, int times) {
    for (int i = 0; i < times; ++i) {
      group.push_back(g);
      label.push_back(y);
      prediction.push_back(p);
    }
  }
  GroupedPredictions view(std::size_t groups, bool binary = true) const {
    return {.group = group,
            .groups = groups,
            .label = label,
            .prediction = prediction,
            .binary = binary};
  }
};

TEST(Groups, ManyClassesHaveAccuracyOnly) {
  Rows rows;
  rows.add(0, 3, 3, 18);
  rows.add(0, 4, 3, 2);
  rows.add(1, 5, 5, 6);
  rows.add(1, 5, 3, 4);
  const GroupReport r = group_report(rows.view(2, false), {.resamples = 200});
  ASSERT_EQ(r.by_group[0].rates.size(), 1U);
  EXPECT_DOUBLE_EQ(*r.by_group[0].rates[0].value, 0.9);
  EXPECT_DOUBLE_EQ(r.by_group[0].rates[0].ci->low, wilson(18, 20).low);
  EXPECT_NEAR(*find_gap(r, "accuracy_difference").value, 0.3, 1e-12);
  EXPECT_TRUE(find_gap(r, "accuracy_difference").ci->contains(0.3));
  EXPECT_EQ(r.gaps.size(), 2U);
}

TEST(Groups, SmallGroupsAreMarkedOrLeftOut) {
  Rows rows;
  rows.add(0, 1, 1, 20);
  rows.add(0, 0, 0, 20);
  rows.add(1, 1, 1, 15);
  rows.add(1, 0, 1, 15);
  rows.add(2, 1, 0, 3);
  const GroupReport marked = group_report(rows.view(3), {.resamples = 50});
  const GroupGap& gap = find_gap(marked, "demographic_parity_difference");
  EXPECT_EQ(gap.small, std::vector<std::uint32_t>{2});
  EXPECT_DOUBLE_EQ(*gap.value, 1);
  const GroupReport left_out = group_report(rows.view(3), {.resamples = 50, .exclude_small = true});
  const GroupGap& without = find_gap(left_out, "demographic_parity_difference");
  EXPECT_DOUBLE_EQ(*without.value, 0.5);
  EXPECT_EQ(without.excluded, std::vector<std::uint32_t>{2});
  EXPECT_EQ(left_out.by_group[2].rates[0].reason, "3 examples, fewer than 10");
  EXPECT_TRUE(left_out.by_group[2].rates[0].ci);  // what little is known stays
}

TEST(Groups, AResampleThatLosesARateIsCounted) {
  Rows rows;
  rows.add(0, 1, 1, 1);  // one positive of 12: lost in about a third of the resamples
  rows.add(0, 0, 0, 11);
  rows.add(1, 1, 1, 10);
  rows.add(1, 0, 0, 10);
  const GroupReport r = group_report(rows.view(2), {.resamples = 1000});
  const GroupGap& gap = find_gap(r, "equal_opportunity_difference");
  EXPECT_EQ(*gap.value, 0);
  // Probability (11/12)^12 = .352; 1,000 draws stay within +-.08 but for 1e-6.
  EXPECT_NEAR(double(gap.undefined_resamples) / 1000, 0.352, 0.08);
  EXPECT_EQ(gap.ci->high, 0);
}

TEST(Groups, NothingToCompareSaysWhy) {
  Rows rows;
  rows.add(0, 1, 1, 12);
  rows.add(1, 0, 0, 12);
  const GroupReport r = group_report(rows.view(2), {.resamples = 50});
  EXPECT_FALSE(find_gap(r, "equalized_odds_difference").value);
  EXPECT_EQ(find_gap(r, "equalized_odds_difference").reason,
            "fewer than two groups have a true_positive_rate");
  rows = {};
  rows.add(0, 0, 0, 12);
  rows.add(1, 0, 0, 12);
  const GroupReport zero = group_report(rows.view(2), {.resamples = 50});
  EXPECT_FALSE(find_gap(zero, "demographic_parity_ratio").value);
  EXPECT_EQ(*find_gap(zero, "demographic_parity_difference").value, 0);
}

TEST(Groups, ScoresGiveAnAucByGroup) {
  Rows rows;
  rows.add(0, 1, 1, 2);
  rows.add(0, 0, 0, 2);
  rows.add(1, 1, 1, 2);
  const std::vector<double> score = {.9, .4, .5, .1, .7, .8};
  GroupedPredictions data = rows.view(2);
  data.score = score;
  const GroupReport r = group_report(data, {.resamples = 50});
  ASSERT_TRUE(r.by_group[0].auc);
  EXPECT_DOUBLE_EQ(r.by_group[0].auc->auc, 0.75);
  EXPECT_FALSE(r.by_group[1].auc);  // one class only: no AUC, not NaN
}

TEST(Groups, BadInputIsABug) {
  Rows rows;
  rows.add(0, 2, 1, 1);
  EXPECT_THROW(group_report(rows.view(1)), Error);
  EXPECT_NO_THROW(group_report(rows.view(1, false), {.resamples = 20}));
  rows.group[0] = 1;
  EXPECT_THROW(group_report(rows.view(1, false)), Error);
}

RC_GTEST_PROP(GroupsProperty, RenamingGroupsChangesNoGap, (const std::vector<int>& raw)) {
  RC_PRE(raw.size() > 4U);
  Rows rows, renamed;
  for (const int value : raw) {
    const unsigned bits = unsigned(value);
    rows.add(bits % 3, bits / 3 % 2, bits / 6 % 2, 1);
    renamed.add(2 - bits % 3, bits / 3 % 2, bits / 6 % 2, 1);
  }
  const GroupReport a = group_report(rows.view(3), {.resamples = 0});
  const GroupReport b = group_report(renamed.view(3), {.resamples = 0});
  for (std::size_t i = 0; i < a.gaps.size(); ++i) {
    RC_ASSERT(a.gaps[i].value.has_value() == b.gaps[i].value.has_value());
    if (a.gaps[i].value) RC_ASSERT(std::abs(*a.gaps[i].value - *b.gaps[i].value) < 1e-12);
    if (a.gaps[i].value) RC_ASSERT(*a.gaps[i].value >= 0);
  }
}

}  // namespace
}  // namespace discreet::stats
