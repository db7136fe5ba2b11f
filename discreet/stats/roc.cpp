#include "discreet/stats/roc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::stats {
namespace {

void check_sides(std::span<const double> positives, std::span<const double> negatives) {
  if (positives.empty() || negatives.empty()) {
    throw bad_data(fmt::format("a ROC needs both sides: {} positives and {} negatives",
                               positives.size(), negatives.size()));
  }
  const auto is_nan = [](double score) { return std::isnan(score); };
  if (std::any_of(positives.begin(), positives.end(), is_nan) ||
      std::any_of(negatives.begin(), negatives.end(), is_nan)) {
    throw bad_data("a score is NaN", "Scores must be numbers; infinities are allowed.");
  }
}

/// For each of `values`: how many of ascending `others` lie below, ties counted half.
std::vector<double> placements(std::span<const double> values, std::span<const double> others) {
  std::vector<double> sorted(others.begin(), others.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> below;
  below.reserve(values.size());
  for (const double value : values) {
    const auto range = std::equal_range(sorted.begin(), sorted.end(), value);
    below.push_back(static_cast<double>(range.first - sorted.begin()) +
                    static_cast<double>(range.second - range.first) / 2);
  }
  return below;
}

/// DeLong's structural components: V10 of each positive, V01 of each negative.
struct Components {
  std::vector<double> positive;
  std::vector<double> negative;
  double auc = 0;
};

Components components(std::span<const double> positives, std::span<const double> negatives) {
  check_sides(positives, negatives);
  const double m = static_cast<double>(positives.size());
  const double n = static_cast<double>(negatives.size());
  Components result;
  result.positive = placements(positives, negatives);
  // Sums of halves are exact in double up to 2^52 pairs.
  result.auc = std::accumulate(result.positive.begin(), result.positive.end(), 0.0) / (m * n);
  for (double& v : result.positive) v /= n;
  result.negative = placements(negatives, positives);
  for (double& v : result.negative) v = 1 - v / m;
  return result;
}

double sample_covariance(std::span<const double> a, double mean_a, std::span<const double> b,
                         double mean_b) {
  if (a.size() < 2) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size() - 1);
}

double auc_covariance(const Components& a, const Components& b) {
  return sample_covariance(a.positive, a.auc, b.positive, b.auc) /
             static_cast<double>(a.positive.size()) +
         sample_covariance(a.negative, a.auc, b.negative, b.auc) /
             static_cast<double>(a.negative.size());
}

AucEstimate estimate_of(const Components& c, double confidence) {
  AucEstimate estimate{c.auc, auc_covariance(c, c), std::nullopt};
  const std::size_t smaller = std::min(c.positive.size(), c.negative.size());
  if (smaller < 2) {
    estimate.variance = 0;
    return estimate;
  }
  if (c.auc <= 0 || c.auc >= 1) {
    estimate.ci = wilson(c.auc >= 1 ? smaller : 0, smaller, confidence);
    return estimate;
  }
  // The plain interval can leave [0, 1]; on the logit scale it cannot.
  const double logit = std::log(c.auc / (1 - c.auc));
  const double half =
      normal_quantile(0.5 + confidence / 2) * std::sqrt(estimate.variance) / (c.auc * (1 - c.auc));
  estimate.ci = Interval{1 / (1 + std::exp(-(logit - half))), 1 / (1 + std::exp(-(logit + half)))};
  return estimate;
}

}  // namespace

double Roc::tpr(const RocPoint& point) const {
  return static_cast<double>(point.true_positives) / static_cast<double>(positives);
}

double Roc::fpr(const RocPoint& point) const {
  return static_cast<double>(point.false_positives) / static_cast<double>(negatives);
}

const RocPoint& Roc::best() const {
  // Compared as integers, tp * negatives - fp * positives, so that equals are equal.
  const auto gain = [this](const RocPoint& p) {
    return static_cast<double>(p.true_positives) * static_cast<double>(negatives) -
           static_cast<double>(p.false_positives) * static_cast<double>(positives);
  };
  return *std::max_element(points.begin(), points.end(),
                           [&](const RocPoint& a, const RocPoint& b) { return gain(a) < gain(b); });
}

double Roc::advantage() const { return tpr(best()) - fpr(best()); }

Roc roc_curve(std::span<const double> positives, std::span<const double> negatives) {
  check_sides(positives, negatives);
  std::vector<double> up(positives.begin(), positives.end());
  std::vector<double> down(negatives.begin(), negatives.end());
  std::sort(up.begin(), up.end(), std::greater<>());
  std::sort(down.begin(), down.end(), std::greater<>());
  Roc roc;
  roc.positives = up.size();
  roc.negatives = down.size();
  roc.points.push_back({std::numeric_limits<double>::infinity(), 0, 0});
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < up.size() || j < down.size()) {
    const double threshold = i == up.size()     ? down[j]
                             : j == down.size() ? up[i]
                                                : std::max(up[i], down[j]);
    while (i < up.size() && up[i] == threshold) ++i;
    while (j < down.size() && down[j] == threshold) ++j;
    roc.points.push_back({threshold, i, j});
  }
  return roc;
}

AucEstimate delong(std::span<const double> positives, std::span<const double> negatives,
                   double confidence) {
  return estimate_of(components(positives, negatives), confidence);
}

AucComparison delong_paired(std::span<const double> positives1, std::span<const double> negatives1,
                            std::span<const double> positives2, std::span<const double> negatives2,
                            double confidence) {
  if (positives1.size() != positives2.size() || negatives1.size() != negatives2.size()) {
    throw internal_error("paired scores of different examples");
  }
  const Components a = components(positives1, negatives1);
  const Components b = components(positives2, negatives2);
  AucComparison result;
  result.first = estimate_of(a, confidence);
  result.second = estimate_of(b, confidence);
  result.covariance = auc_covariance(a, b);
  const double variance = result.first.variance + result.second.variance - 2 * result.covariance;
  if (variance > 0) {
    result.z = (a.auc - b.auc) / std::sqrt(variance);
    result.p_value = std::erfc(std::abs(*result.z) / std::sqrt(2.0));
  }
  return result;
}

TprAtFpr tpr_at_fpr(const Roc& roc, double fpr, double confidence) {
  if (!(fpr > 0 && fpr <= 1)) {
    throw internal_error(fmt::format("a false positive rate of {} is outside (0, 1]", fpr));
  }
  TprAtFpr result;
  result.fpr = fpr;
  // 10 / fpr with room for rounding: 10 / 0.001 must ask for 10,000, not 10,001.
  const double needed = std::ceil(10 / fpr * (1 - 1e-12));
  if (static_cast<double>(roc.negatives) < needed) {
    result.reason = fmt::format(
        "needs at least {:.0f} non-members (10 / {}) to be told from chance; there are {}", needed,
        fpr, roc.negatives);
    return result;
  }
  const double allowed = fpr * static_cast<double>(roc.negatives) * (1 + 1e-12);
  for (const RocPoint& point : roc.points) {
    if (static_cast<double>(point.false_positives) > allowed) break;
    result.true_positives = point.true_positives;
    result.false_positives = point.false_positives;
  }
  result.tpr = static_cast<double>(result.true_positives) / static_cast<double>(roc.positives);
  result.ci = clopper_pearson(result.true_positives, roc.positives, confidence);
  result.fpr_ci = clopper_pearson(result.false_positives, roc.negatives, confidence);
  return result;
}

}  // namespace discreet::stats
