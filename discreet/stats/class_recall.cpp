#include "discreet/stats/class_recall.h"

#include <algorithm>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/stats/internal/group_tables.h"

namespace discreet::stats {
namespace {

/// Counts by class and group of one (re)sample.
class RecallTable {
 public:
  RecallTable(const GroupedPredictions& data, std::size_t classes)
      : data_(data), all_(classes * data.groups), right_(classes * data.groups) {}

  void count(std::span<const std::uint32_t> indices) {
    std::fill(all_.begin(), all_.end(), 0.0);
    std::fill(right_.begin(), right_.end(), 0.0);
    for (const std::uint32_t i : indices) {
      const std::size_t at = static_cast<std::size_t>(data_.label[i]) * data_.groups + data_.group[i];
      const double weight = data_.weight.empty() ? 1 : data_.weight[i];
      all_[at] += weight;
      if (data_.label[i] == data_.prediction[i]) right_[at] += weight;
    }
  }

  double all(std::size_t c, std::size_t g) const { return all_[c * data_.groups + g]; }
  double right(std::size_t c, std::size_t g) const { return right_[c * data_.groups + g]; }

  /// The largest difference of recalls, or with `from` ([class, group]) of how far they lie from those.
  std::optional<double> gap(std::size_t c, const std::vector<std::uint32_t>& groups, const std::vector<double>& from) const {
    if (groups.size() < 2) return std::nullopt;
    double least = HUGE_VAL, most = -HUGE_VAL;
    for (const std::uint32_t g : groups) {
      if (!(all(c, g) > 0)) return std::nullopt;
      const double recall = right(c, g) / all(c, g) - (from.empty() ? 0 : from[c * data_.groups + g]);
      least = std::min(least, recall);
      most = std::max(most, recall);
    }
    return most - least;
  }

  /// The gap of every class, and last their root mean square over the classes that have one in the data.
  void gaps(const std::vector<std::vector<std::uint32_t>>& groups, const std::vector<double>& from,
            std::span<std::optional<double>> out) const {
    double sum = 0;
    std::size_t entered = 0;
    bool lost = false;
    const std::size_t classes = groups.size();
    for (std::size_t c = 0; c < classes; ++c) {
      out[c] = gap(c, groups[c], from);
      if (out[c]) sum += *out[c] * *out[c], ++entered;
      else lost = lost || groups[c].size() >= 2;
    }
    out[classes] = lost || entered == 0 ? std::nullopt : std::optional(std::sqrt(sum / static_cast<double>(entered)));
  }

 private:
  const GroupedPredictions& data_;
  std::vector<double> all_, right_;
};

}  // namespace

ClassRecall class_recall(const GroupedPredictions& data, std::size_t classes, const GroupOptions& options) {
  std::vector<Stratum> strata(data.groups);
  std::vector<std::uint64_t> n(classes * data.groups), right(classes * data.groups);
  for (std::uint32_t i = 0; i < data.group.size(); ++i) {
    if (data.label[i] < 0 || static_cast<std::size_t>(data.label[i]) >= classes) {
      throw internal_error("a class outside 0..classes-1");
    }
    strata[data.group[i]].push_back(i);
    const std::size_t at = static_cast<std::size_t>(data.label[i]) * data.groups + data.group[i];
    ++n[at];
    right[at] += data.label[i] == data.prediction[i] ? 1 : 0;
  }
  RecallTable table(data, classes);
  table.count(whole_sample(data.group.size()));
  ClassRecall found;
  std::vector<std::vector<std::uint32_t>> groups(classes);
  for (std::size_t c = 0; c < classes; ++c) {
    auto& rates = found.recall.emplace_back();
    for (std::uint32_t g = 0; g < data.groups; ++g) {
      Rate rate;
      rate.numerator = table.right(c, g);
      rate.denominator = table.all(c, g);
      rate.n = n[c * data.groups + g];
      rate.small = rate.n < options.least;
      if (!(rate.denominator > 0)) rate.reason = "no examples of this class";
      else if (rate.small && options.exclude_small) rate.reason = "fewer examples than a rate needs here";
      else rate.value = rate.numerator / rate.denominator;
      if (rate.n > 0 && data.weight.empty()) rate.ci = wilson(right[c * data.groups + g], rate.n, options.confidence);
      if (rate.value) groups[c].push_back(g);
      rates.push_back(rate);
    }
  }
  std::vector<std::optional<double>> values(classes + 1);
  table.gaps(groups, {}, values);
  // As `group_report`: an interval of distances covers, one of the gaps themselves lies above 0 by noise.
  const bool distance = options.interval == GapInterval::kDistance;
  std::vector<double> from;
  for (std::size_t c = 0; distance && c < classes; ++c) {
    for (std::uint32_t g = 0; g < data.groups; ++g) from.push_back(found.recall[c][g].value.value_or(0));
  }
  const auto estimates = bootstrap_many(
      strata, classes + 1,
      [&](std::span<const std::uint32_t> indices, std::span<std::optional<double>> out) {
        table.count(indices);
        table.gaps(groups, from, out);
      },
      internal::gap_bootstrap(options));
  for (std::size_t c = 0; c <= classes; ++c) {
    GroupGap gap;
    gap.metric = c < classes ? "true_positive_rate_difference" : "true_positive_rate_difference_rms";
    gap.value = values[c];
    gap.ci = estimates[c].ci;
    if (gap.value && gap.ci && distance) {
      gap.ci = internal::differences_within(*gap.value, gap.ci->high);
    }
    if (gap.value) gap.undefined_resamples = estimates[c].undefined;
    else gap.reason = c < classes ? "fewer than two groups have this class" : "no class is in two groups";
    for (std::uint32_t g = 0; c < classes && g < data.groups; ++g) {
      if (!found.recall[c][g].value) gap.excluded.push_back(g);
      else if (found.recall[c][g].small) gap.small.push_back(g);
    }
    if (c < classes) found.gaps.push_back(std::move(gap));
    else found.rms = std::move(gap);
  }
  return found;
}

}  // namespace discreet::stats
