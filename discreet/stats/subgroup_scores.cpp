#include "discreet/stats/subgroup_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/classification.h"

namespace discreet::stats {
namespace {

constexpr std::size_t kCalibrationBins = 10, kThresholds = 1000;

/// Scores of a part of the examples.
struct Sides {
  std::vector<double> positive, negative;
};

Sides part_of(const SubgroupData& data, std::size_t group, bool inside) {
  Sides sides;
  for (std::size_t i = 0; i < data.score.size(); ++i) {
    if ((data.member[group][i] != 0) == inside) {
      (data.label[i] == 1 ? sides.positive : sides.negative).push_back(data.score[i]);
    }
  }
  return sides;
}

MaybeValue auc_value(const std::vector<double>& positives, const std::vector<double>& negatives, double confidence,
                     const char* without) {
  MaybeValue found;
  if (positives.empty() || negatives.empty()) {
    found.reason = without;
    return found;
  }
  const AucEstimate auc = delong(positives, negatives, confidence);
  found.value = auc.auc;
  found.ci = auc.ci;
  return found;
}

/// Share of `sorted` (ascending) at or above `threshold`.
double share_at_least(const std::vector<double>& sorted, double threshold) {
  return static_cast<double>(sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), threshold)) /
         static_cast<double>(sorted.size());
}

void add_equality_gaps(std::vector<double> subgroup, std::vector<double> background, MaybeValue& aeg, MaybeValue& aseg) {
  if (subgroup.empty() || background.empty()) {
    aeg.reason = aseg.reason = "no such examples in the subgroup or in the background";
    return;
  }
  aeg.value = 0.5 - delong(background, subgroup).auc;
  std::sort(subgroup.begin(), subgroup.end());
  std::sort(background.begin(), background.end());
  double sum = 0, before_x = 0, before_y = 0;
  for (std::size_t k = 0; k < kThresholds; ++k) {
    const double threshold = 1 - static_cast<double>(k) / static_cast<double>(kThresholds - 1);
    const double x = share_at_least(background, threshold), gap = share_at_least(subgroup, threshold) - x;
    if (k > 0) sum += (x - before_x) * (gap * gap + before_y) / 2;
    before_x = x;
    before_y = gap * gap;
  }
  aseg.value = sum;
}

MaybeValue calibration_value(const SubgroupData& data, const std::vector<std::uint8_t>& member) {
  MaybeValue found;
  std::vector<double> scores;
  std::vector<std::uint8_t> positive;
  for (std::size_t i = 0; i < data.score.size(); ++i) {
    if (member[i] == 0) continue;
    if (data.score[i] < 0 || data.score[i] > 1) {
      found.reason = "a score lies outside 0..1, so that scores are no probabilities";
      return found;
    }
    scores.push_back(data.score[i]);
    positive.push_back(data.label[i] == 1 ? 1 : 0);
  }
  found.value = calibration(scores, positive, kCalibrationBins).expected_error;
  if (!found.value) found.reason = "no examples";
  return found;
}

SubgroupScores scores_of(const SubgroupData& data, std::size_t group, double confidence) {
  const Sides in = part_of(data, group, true), out = part_of(data, group, false);
  SubgroupScores scores;
  scores.n = in.positive.size() + in.negative.size();
  scores.n_positive = in.positive.size();
  scores.subgroup_auc = auc_value(in.positive, in.negative, confidence, "the subgroup has one class only");
  scores.bpsn_auc = auc_value(out.positive, in.negative, confidence, "no positives outside, or no negatives inside");
  scores.bnsp_auc = auc_value(in.positive, out.negative, confidence, "no negatives outside, or no positives inside");
  add_equality_gaps(in.positive, out.positive, scores.positive_aeg, scores.positive_aseg);
  add_equality_gaps(in.negative, out.negative, scores.negative_aeg, scores.negative_aseg);
  scores.calibration_error = calibration_value(data, data.member[group]);
  std::vector<double> inside = in.positive, outside = out.positive;
  inside.insert(inside.end(), in.negative.begin(), in.negative.end());
  outside.insert(outside.end(), out.negative.begin(), out.negative.end());
  if (inside.empty() || outside.empty()) scores.wasserstein.reason = "nobody inside, or nobody outside";
  else scores.wasserstein.value = wasserstein(std::move(inside), std::move(outside));
  return scores;
}

/// The summary's figures of a resample, from how often each example was drawn.
class Summary {
 public:
  static constexpr std::size_t kCount = 7;

  Summary(const SubgroupData& data, const std::vector<SubgroupScores>& found) : data_(data), times_(data.score.size()) {
    order_.resize(data.score.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::sort(order_.begin(), order_.end(), [&](auto a, auto b) { return data.score[a] < data.score[b]; });
    for (std::uint32_t g = 0; g < found.size(); ++g) {
      if (found[g].subgroup_auc.value) with_[0].push_back(g);
      if (found[g].bpsn_auc.value) with_[1].push_back(g);
      if (found[g].bnsp_auc.value) with_[2].push_back(g);
      if (found[g].calibration_error.value) with_[3].push_back(g);
      if (found[g].wasserstein.value) with_[4].push_back(g);
    }
  }

  const std::vector<std::uint32_t>& with(std::size_t which) const { return with_[which]; }

  void operator()(std::span<const std::uint32_t> indices, std::span<std::optional<double>> out) {
    std::fill(times_.begin(), times_.end(), 0.0);
    for (const std::uint32_t i : indices) times_[i] += 1;
    const std::optional<double> overall = auc([](std::uint32_t) { return true; }, [](std::uint32_t) { return true; });
    std::array<std::optional<double>, 3> means;
    for (const std::size_t which : {0U, 1U, 2U}) {
      std::vector<double> values;
      bool lost = false;
      for (const std::uint32_t g : with_[which]) {
        const auto inside = [&](std::uint32_t i) { return data_.member[g][i] != 0; };
        const auto outside = [&](std::uint32_t i) { return data_.member[g][i] == 0; };
        const auto value = which == 0   ? auc(inside, inside)
                           : which == 1 ? auc(outside, inside)
                                        : auc(inside, outside);
        if (value) values.push_back(*value);
        lost = lost || !value;
      }
      if (!lost) means[which] = power_mean(values);
      out[which] = means[which];
      if (which == 0) out[4] = lost ? std::nullopt : spread(values);
    }
    out[3].reset();
    if (overall && means[0] && means[1] && means[2]) out[3] = .25 * *overall + .25 * (*means[0] + *means[1] + *means[2]);
    std::vector<double> errors;
    for (const std::uint32_t g : with_[3]) {
      if (const auto error = calibration_error(data_.member[g])) errors.push_back(*error);
    }
    out[5] = errors.size() < with_[3].size() ? std::nullopt : spread(errors);
    out[6].reset();
    for (const std::uint32_t g : with_[4]) {
      const auto distance = distance_to_rest(data_.member[g]);
      if (!distance) {
        out[6].reset();
        break;
      }
      out[6] = std::max(out[6].value_or(0), *distance);
    }
  }

 private:
  static std::optional<double> spread(const std::vector<double>& values) {
    if (values.size() < 2) return std::nullopt;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return *most - *least;
  }

  template <class Positive, class Negative>
  std::optional<double> auc(const Positive& of_positives, const Negative& of_negatives) const {
    double below = 0, won = 0, positives = 0;
    for (std::size_t first = 0; first < order_.size();) {
      double up = 0, down = 0;
      std::size_t last = first;
      for (; last < order_.size() && data_.score[order_[last]] == data_.score[order_[first]]; ++last) {
        const std::uint32_t i = order_[last];
        if (data_.label[i] == 1) up += of_positives(i) ? times_[i] : 0;
        else down += of_negatives(i) ? times_[i] : 0;
      }
      won += up * (below + down / 2);
      below += down;
      positives += up;
      first = last;
    }
    if (positives == 0 || below == 0) return std::nullopt;
    return won / (positives * below);
  }

  std::optional<double> calibration_error(const std::vector<std::uint8_t>& member) const {
    std::array<double, kCalibrationBins> n{}, sum{}, hits{};
    double total = 0;
    for (std::size_t i = 0; i < times_.size(); ++i) {
      if (member[i] == 0 || times_[i] == 0) continue;
      const double place = std::ceil(data_.score[i] * static_cast<double>(kCalibrationBins)) - 1;
      const auto bin = static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(kCalibrationBins - 1)));
      n[bin] += times_[i];
      sum[bin] += times_[i] * data_.score[i];
      hits[bin] += data_.label[i] == 1 ? times_[i] : 0;
      total += times_[i];
    }
    if (total == 0) return std::nullopt;
    double error = 0;
    for (std::size_t bin = 0; bin < kCalibrationBins; ++bin) error += std::abs(sum[bin] - hits[bin]);
    return error / total;
  }

  std::optional<double> distance_to_rest(const std::vector<std::uint8_t>& member) const {
    double inside = 0, outside = 0;
    for (std::size_t i = 0; i < times_.size(); ++i) (member[i] != 0 ? inside : outside) += times_[i];
    if (inside == 0 || outside == 0) return std::nullopt;
    double gap = 0, distance = 0;
    for (std::size_t k = 0; k + 1 < order_.size(); ++k) {
      const std::uint32_t i = order_[k];
      gap += member[i] != 0 ? times_[i] / inside : -times_[i] / outside;
      distance += std::abs(gap) * (data_.score[order_[k + 1]] - data_.score[i]);
    }
    return distance;
  }

  const SubgroupData& data_;
  std::vector<std::uint32_t> order_;
  std::vector<double> times_;
  std::array<std::vector<std::uint32_t>, 5> with_;
};

/// One stratum for each pattern of memberships; examples in the order of label and score, so that the
/// order of rows changes nothing.
std::vector<Stratum> pattern_strata(const SubgroupData& data) {
  std::map<std::vector<std::uint8_t>, Stratum> patterns;
  for (std::uint32_t i = 0; i < data.score.size(); ++i) {
    std::vector<std::uint8_t> pattern;
    for (const auto& member : data.member) pattern.push_back(member[i]);
    patterns[pattern].push_back(i);
  }
  const auto content = [&](std::uint32_t i) { return std::pair(data.label[i], data.score[i]); };
  std::vector<Stratum> strata;
  for (auto& [pattern, stratum] : patterns) {
    std::sort(stratum.begin(), stratum.end(), [&](auto a, auto b) { return content(a) < content(b); });
    strata.push_back(std::move(stratum));
  }
  std::stable_sort(strata.begin(), strata.end(), [&](const Stratum& a, const Stratum& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [&](auto i, auto j) { return content(i) < content(j); });
  });
  return strata;
}

}  // namespace

std::optional<double> power_mean(std::span<const double> values, double power) {
  if (values.empty()) return std::nullopt;
  double sum = 0;
  for (const double value : values) sum += std::pow(value, power);
  return std::pow(sum / static_cast<double>(values.size()), 1 / power);
}

double wasserstein(std::vector<double> a, std::vector<double> b) {
  if (a.empty() || b.empty()) throw internal_error("a distance to no scores");
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double distance = 0, before = std::min(a.front(), b.front());
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const double next = i == a.size() ? b[j] : j == b.size() ? a[i] : std::min(a[i], b[j]);
    const double gap = static_cast<double>(i) / static_cast<double>(a.size()) -
                       static_cast<double>(j) / static_cast<double>(b.size());
    distance += std::abs(gap) * (next - before);
    before = next;
    while (i < a.size() && a[i] == next) ++i;
    while (j < b.size() && b[j] == next) ++j;
  }
  return distance;
}

SubgroupReport subgroup_report(const SubgroupData& data, const GroupOptions& options) {
  if (data.label.size() != data.score.size() ||
      std::any_of(data.member.begin(), data.member.end(),
                  [&](const auto& member) { return member.size() != data.score.size(); })) {
    throw internal_error("scores, labels and subgroups of unequal length");
  }
  SubgroupReport report;
  Sides all;
  for (std::size_t i = 0; i < data.score.size(); ++i) {
    (data.label[i] == 1 ? all.positive : all.negative).push_back(data.score[i]);
  }
  report.overall_auc = auc_value(all.positive, all.negative, options.confidence, "the data have one class only");
  for (std::size_t g = 0; g < data.member.size(); ++g) report.by_group.push_back(scores_of(data, g, options.confidence));

  Summary summary(data, report.by_group);
  const auto estimates = bootstrap_many(
      pattern_strata(data), Summary::kCount,
      [&](std::span<const std::uint32_t> indices, std::span<std::optional<double>> out) { summary(indices, out); },
      {.resamples = options.resamples, .confidence = options.confidence, .method = bootstrap_method(options.interval), .seed = options.seed});
  struct Named {
    const char* name;
    std::size_t with;
  };
  constexpr Named kNames[Summary::kCount] = {{"subgroup_auc_power_mean", 0},      {"bpsn_auc_power_mean", 1},
                                             {"bnsp_auc_power_mean", 2},          {"unintended_bias_score", 0},
                                             {"roc_auc_difference", 0},           {"calibration_error_difference", 3},
                                             {"wasserstein_max", 4}};
  for (std::size_t r = 0; r < Summary::kCount; ++r) {
    GroupGap gap;
    gap.metric = kNames[r].name;
    gap.value = estimates[r].value;
    gap.ci = estimates[r].ci;
    if (gap.value) gap.undefined_resamples = estimates[r].undefined;
    else gap.reason = "too few subgroups have the figures that it combines";
    const auto& with = summary.with(kNames[r].with);
    for (std::uint32_t g = 0; g < data.member.size(); ++g) {
      if (std::find(with.begin(), with.end(), g) == with.end()) gap.excluded.push_back(g);
      else if (report.by_group[g].n < options.least) gap.small.push_back(g);
    }
    report.results.push_back(std::move(gap));
  }
  return report;
}

}  // namespace discreet::stats
