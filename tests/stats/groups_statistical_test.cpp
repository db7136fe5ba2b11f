// p-values are uniform where groups say nothing; intervals cover what they claim; names and order change nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "discreet/core/random.h"
#include "discreet/stats/groups.h"
#include "discreet/stats/subgroup_scores.h"

namespace discreet::stats {
namespace {

struct Sample {
  std::vector<std::uint32_t> group;
  std::vector<std::int64_t> label, prediction;
  std::vector<double> score;

  GroupedPredictions view(std::size_t groups) const {
    return {.group = group, .groups = groups, .label = label, .prediction = prediction};
  }
};

/// Positive labels half of the time; true and false positive rates by group.
Sample draw(std::size_t n, const std::vector<std::pair<double, double>>& rates, core::ReproducibleRng& rng) {
  Sample sample;
  for (std::size_t i = 0; i < n; ++i) {
    const auto g = static_cast<std::uint32_t>(rng.below(rates.size()));
    const std::int64_t y = rng.below(2) == 1 ? 1 : 0;
    sample.group.push_back(g);
    sample.label.push_back(y);
    sample.prediction.push_back(rng.uniform() < (y == 1 ? rates[g].first : rates[g].second) ? 1 : 0);
    sample.score.push_back(rng.uniform());
  }
  return sample;
}

const GroupGap& gap_named(const GroupReport& report, const std::string& name) {
  const auto found = std::find_if(report.gaps.begin(), report.gaps.end(), [&](const auto& g) { return g.metric == name; });
  if (found == report.gaps.end()) throw std::runtime_error("no gap " + name);
  return *found;
}

/// Largest distance of the empirical distribution to the uniform one.
double kolmogorov_smirnov(std::vector<double> p) {
  std::sort(p.begin(), p.end());
  double worst = 0;
  const double n = static_cast<double>(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) {
    worst = std::max({worst, std::abs(p[i] - static_cast<double>(i) / n), std::abs(static_cast<double>(i + 1) / n - p[i])});
  }
  return worst;
}

TEST(GroupsStatistical, IntervalsOfGapsCoverWhereGroupsAreEqualAndWhereOneDiffers) {
  // 60 data sets each. Intervals of 95 % that miss more than 14 times have probability below 1e-6.
  core::ReproducibleRng rng(9);
  const std::vector<std::pair<double, double>> equal(5, {.6, .3}), one = {{.6, .3}, {.6, .3}, {.6, .3}, {.7, .4}}, two = {{.6, .3}, {.8, .5}};
  for (const auto& [rates, gap] : {std::pair(equal, 0.0), std::pair(one, 0.1), std::pair(two, 0.2)}) {
    std::map<std::string, int> misses;
    for (int round = 0; round < 60; ++round) {
      const Sample sample = draw(200 * rates.size(), rates, rng);
      const GroupReport report = group_report(sample.view(rates.size()), {.resamples = 200, .permutations = 0});
      const double ratio = .3 / (.3 + gap);
      for (const auto& [name, truth] : {std::pair<std::string, double>("demographic_parity_difference", gap), {"equalized_odds_difference", gap},
                                        {"false_positive_rate_ratio", ratio}}) {
        const GroupGap& found = gap_named(report, name);
        misses[name] += found.ci->contains(truth) ? 0 : 1;
        EXPECT_TRUE(found.ci->contains(*found.value)) << name;
        EXPECT_GE(found.ci->low, 0);
        EXPECT_LE(found.ci->high, 1);
      }
    }
    for (const auto& [name, count] : misses) {
      EXPECT_LE(count, 14) << name << " at a gap of " << gap;
      RecordProperty(name + " at " + std::to_string(gap), count);
    }
  }
}

TEST(GroupsStatistical, APercentileIntervalOfAGapLiesAboveZeroByNoise) {
  core::ReproducibleRng rng(9);
  const Sample sample = draw(1000, std::vector<std::pair<double, double>>(5, {.6, .3}), rng);
  const GroupReport report = group_report(sample.view(5), {.resamples = 200, .interval = GapInterval::kPercentile, .permutations = 0});
  EXPECT_GT(gap_named(report, "demographic_parity_difference").ci->low, 0);
}

TEST(GroupsStatistical, PermutationPValuesAreUniform) {
  // 300 data sets of three equal groups. KS bound at 1e-6: sqrt(ln(2e6)/2)/sqrt(300) = .1555; p lies on a grid
  // of 1/100 and gaps have ties, which adds at most .04.
  core::ReproducibleRng rng(1);
  std::map<std::string, std::vector<double>> p;
  for (int round = 0; round < 300; ++round) {
    const Sample sample = draw(300, {{.7, .3}, {.7, .3}, {.7, .3}}, rng);
    const GroupReport report = group_report(
        sample.view(3), {.resamples = 1, .seed = static_cast<std::uint64_t>(round), .permutations = 99});
    for (const char* name : {"demographic_parity_difference", "equalized_odds_difference", "precision_difference",
                             "true_positive_rate_ratio"}) {
      p[name].push_back(gap_named(report, name).p_value.value());
    }
  }
  for (const auto& [name, values] : p) EXPECT_LT(kolmogorov_smirnov(values), .1955) << name;
}

TEST(GroupsStatistical, PermutationPValuesFindAGap) {
  core::ReproducibleRng rng(2);
  const Sample sample = draw(1200, {{.9, .3}, {.5, .3}}, rng);
  const GroupReport report = group_report(sample.view(2), {.resamples = 1});
  EXPECT_LT(*gap_named(report, "equal_opportunity_difference").p_value, .002);
  EXPECT_LT(*gap_named(report, "equal_opportunity_difference").p_holm, .05);
  EXPECT_GT(*gap_named(report, "false_positive_rate_difference").p_value, .01);
  // A rate and its complement are one test.
  EXPECT_EQ(*gap_named(report, "false_negative_rate_difference").p_holm,
            *gap_named(report, "true_positive_rate_difference").p_holm);
}

TEST(GroupsStatistical, IntervalsCoverWhatTheyClaim) {
  // Truth: TPR .8 and .5, gap .3; selection .55 and .4, gap .15. 800 data sets of 1,200: coverage .95 has standard
  // error .0077, so that 93 to 97 % is 2.6 of them.
  core::ReproducibleRng rng(3);
  int tpr = 0, selection = 0, wilson_covers = 0;
  constexpr int kRounds = 800;
  for (int round = 0; round < kRounds; ++round) {
    const Sample sample = draw(1200, {{.8, .3}, {.5, .3}}, rng);
    const GroupReport report = group_report(
        sample.view(2), {.resamples = 200, .seed = static_cast<std::uint64_t>(round), .permutations = 0});
    tpr += gap_named(report, "equal_opportunity_difference").ci->contains(.3) ? 1 : 0;
    selection += gap_named(report, "demographic_parity_difference").ci->contains(.15) ? 1 : 0;
    wilson_covers += report.by_group[0].rates[1].ci->contains(.8) ? 1 : 0;
  }
  EXPECT_GE(tpr, .93 * kRounds);
  EXPECT_LE(tpr, .97 * kRounds);
  EXPECT_GE(selection, .93 * kRounds);
  EXPECT_LE(selection, .97 * kRounds);
  EXPECT_GE(wilson_covers, .93 * kRounds);
  EXPECT_LE(wilson_covers, .97 * kRounds);
}

TEST(GroupsStatistical, NamesAndOrderChangeNothing) {
  core::ReproducibleRng rng(4);
  const Sample sample = draw(200, {{.9, .3}, {.5, .2}, {.6, .4}}, rng);
  std::vector<std::uint32_t> order(200);
  for (std::uint32_t i = 0; i < 200; ++i) order[i] = i;
  core::shuffle(std::span<std::uint32_t>(order), rng);
  Sample other;
  const std::uint32_t renamed[3] = {2, 0, 1};
  for (const std::uint32_t i : order) {
    other.group.push_back(renamed[sample.group[i]]);
    other.label.push_back(sample.label[i]);
    other.prediction.push_back(sample.prediction[i]);
    other.score.push_back(sample.score[i]);
  }
  const GroupOptions options = {
      .resamples = 200,
      .families = {GroupFamily::kPairwise, GroupFamily::kBackground, GroupFamily::kRest, GroupFamily::kMultiGroup}};
  const GroupReport a = group_report(sample.view(3), options), b = group_report(other.view(3), options);
  for (std::size_t r = 0; r < a.gaps.size(); ++r) {
    EXPECT_EQ(a.gaps[r].value, b.gaps[r].value) << a.gaps[r].metric;
    EXPECT_EQ(a.gaps[r].ci->low, b.gaps[r].ci->low) << a.gaps[r].metric;
    EXPECT_EQ(a.gaps[r].ci->high, b.gaps[r].ci->high) << a.gaps[r].metric;
    EXPECT_EQ(a.gaps[r].p_value, b.gaps[r].p_value) << a.gaps[r].metric;
  }
  for (std::uint32_t g = 0; g < 3; ++g) {
    EXPECT_EQ(a.by_group[g].n, b.by_group[renamed[g]].n);
    EXPECT_EQ(a.by_group[g].rates[1].value, b.by_group[renamed[g]].rates[1].value);
  }
  const auto members = [](const Sample& s) {
    std::vector<std::vector<std::uint8_t>> member(3);
    for (const std::uint32_t g : s.group) {
      for (std::uint32_t k = 0; k < 3; ++k) member[k].push_back(k == g ? 1 : 0);
    }
    return member;
  };
  const SubgroupReport x = subgroup_report({sample.score, sample.label, members(sample)}, {.resamples = 100});
  const SubgroupReport y = subgroup_report({other.score, other.label, members(other)}, {.resamples = 100});
  for (std::size_t r = 0; r < x.results.size(); ++r) {
    EXPECT_NEAR(*x.results[r].value, *y.results[r].value, 1e-12) << x.results[r].metric;
    EXPECT_NEAR(x.results[r].ci->low, y.results[r].ci->low, 1e-12) << x.results[r].metric;
  }
}

TEST(GroupsStatistical, SignedGapKeepsTheCallersOrder) {
  core::ReproducibleRng rng(5);
  Sample sample = draw(400, {{.9, .4}, {.5, .2}}, rng);
  const GroupReport a = group_report(sample.view(2), {.resamples = 100});
  for (std::uint32_t& g : sample.group) g = 1 - g;
  const GroupReport b = group_report(sample.view(2), {.resamples = 100});
  const GroupGap &first = gap_named(a, "average_odds_difference"), &second = gap_named(b, "average_odds_difference");
  EXPECT_LT(*first.value, 0);
  EXPECT_DOUBLE_EQ(*first.value, -*second.value);
  EXPECT_DOUBLE_EQ(first.ci->low, -second.ci->high);
}

TEST(GroupsStatistical, FamiliesByHand) {
  // Selection rates .6, .5, .8 of ten each.
  Sample sample;
  const int selected[3] = {6, 5, 8};
  for (std::uint32_t g = 0; g < 3; ++g) {
    for (int i = 0; i < 10; ++i) {
      sample.group.push_back(g);
      sample.label.push_back(i % 2);
      sample.prediction.push_back(i < selected[g] ? 1 : 0);
    }
  }
  const GroupReport report = group_report(
      sample.view(3),
      {.resamples = 30,
       .families = {GroupFamily::kPairwise, GroupFamily::kBackground, GroupFamily::kRest, GroupFamily::kMultiGroup}});
  EXPECT_NEAR(*gap_named(report, "selection_rate_pairwise").value, .2, 1e-12);
  EXPECT_NEAR(*gap_named(report, "selection_rate_difference").value, .3, 1e-12);
  EXPECT_NEAR(*gap_named(report, "selection_rate_deviation").value, .124721913, 1e-9);
  // All: 19/30. |.6 - .6333| + |.5 - .6333| + |.8 - .6333| = .3333.
  EXPECT_NEAR(*gap_named(report, "selection_rate_background").value, 1.0 / 9, 1e-12);
  // Rest: .65, .7, .55: .05 + .2 + .25.
  EXPECT_NEAR(*gap_named(report, "selection_rate_rest").value, .5 / 3, 1e-12);
}

}  // namespace
}  // namespace discreet::stats
