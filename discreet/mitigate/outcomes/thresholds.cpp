#include "discreet/mitigate/outcomes/thresholds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::mitigate {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// What a threshold does to a group: the more are selected, the further right.
struct ThresholdPoint {
  double threshold = kInfinite;
  double positives = 0, negatives = 0;  ///< Selected, of each class.
};

struct GroupCurve {
  std::vector<ThresholdPoint> points;  ///< From none to all, one for each distinct score.
  double positives = 0, negatives = 0;
  double n() const { return positives + negatives; }
};

/// A hull's corner: x, y, and the threshold that is there.
struct HullCorner {
  double x = 0, y = 0;
  std::size_t point = 0;
};

std::vector<GroupCurve> curves_of(const ScoredRows& rows) {
  std::vector<std::vector<std::size_t>> members(rows.groups);
  for (std::size_t i = 0; i < rows.group.size(); ++i) members.at(rows.group[i]).push_back(i);
  std::vector<GroupCurve> curves(rows.groups);
  for (std::size_t g = 0; g < rows.groups; ++g) {
    auto& order = members[g];
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rows.score[a] > rows.score[b]; });
    GroupCurve& curve = curves[g];
    curve.points.emplace_back();
    ThresholdPoint point;
    for (std::size_t k = 0; k < order.size(); ++k) {
      (rows.label[order[k]] != 0 ? point.positives : point.negatives) += 1;
      point.threshold = rows.score[order[k]];
      if (k + 1 == order.size() || rows.score[order[k + 1]] != point.threshold) curve.points.push_back(point);
    }
    curve.points.back().threshold = -kInfinite;  // all, whatever their score
    curve.positives = point.positives;
    curve.negatives = point.negatives;
  }
  return curves;
}

/// Corners of the least concave function above the points, left to right; x must not fall along them.
template <class X, class Y>
std::vector<HullCorner> upper_hull(const GroupCurve& curve, X x_of, Y y_of) {
  std::vector<HullCorner> hull;
  for (std::size_t p = 0; p < curve.points.size(); ++p) {
    const HullCorner next{x_of(curve.points[p]), y_of(curve.points[p]), p};
    if (!hull.empty() && next.x == hull.back().x && next.y <= hull.back().y) continue;
    while (!hull.empty() && next.x == hull.back().x && next.y > hull.back().y) hull.pop_back();
    while (hull.size() >= 2) {
      const HullCorner &a = hull[hull.size() - 2], &b = hull.back();
      if ((b.y - a.y) * (next.x - a.x) > (next.y - a.y) * (b.x - a.x)) break;
      hull.pop_back();
    }
    hull.push_back(next);
  }
  return hull;
}

/// The piece of the hull that holds x: its left corner, and how far to the right of it x lies, 0..1.
std::pair<std::size_t, double> place_on(const std::vector<HullCorner>& hull, double x) {
  std::size_t k = 0;
  while (k + 2 < hull.size() && hull[k + 1].x <= x) ++k;
  if (hull.size() == 1) return {0, 0};
  const double width = hull[k + 1].x - hull[k].x;
  return {k, std::clamp(width > 0 ? (x - hull[k].x) / width : 0.0, 0.0, 1.0)};
}

double height_at(const std::vector<HullCorner>& hull, double x) {
  const auto [k, share] = place_on(hull, x);
  return share == 0 ? hull[k].y : hull[k].y * (1 - share) + hull[k + 1].y * share;
}

void add_part(RandomThreshold& rule, double threshold, double probability) {
  if (probability <= 0) return;
  for (RandomThreshold::Part& part : rule.parts) {
    if (part.threshold == threshold) {
      part.probability += probability;
      return;
    }
  }
  rule.parts.push_back({threshold, probability});
}

/// The mix of two thresholds at x of the hull, all of it times `weight`.
void add_hull_rule(RandomThreshold& rule, const GroupCurve& curve, const std::vector<HullCorner>& hull, double x, double weight) {
  const auto [k, share] = place_on(hull, x);
  add_part(rule, curve.points[hull[k].point].threshold, weight * (1 - share));
  if (share > 0) add_part(rule, curve.points[hull[k + 1].point].threshold, weight * share);
}

void sort_parts(RandomThreshold& rule) {
  std::sort(rule.parts.begin(), rule.parts.end(), [](const auto& a, const auto& b) { return a.threshold > b.threshold; });
}

double cost_of(const GroupCurve& curve, const ThresholdPoint& point, const ThresholdCosts& costs) {
  return costs.false_positive * point.negatives + costs.false_negative * (curve.positives - point.positives);
}

/// One common rate: x of each group's hull of (rate, -cost).
ThresholdChoice choose_one_rate(const std::vector<GroupCurve>& curves, bool of_positives, const ThresholdCosts& costs) {
  std::vector<std::vector<HullCorner>> hulls;
  std::vector<double> rates;
  for (const GroupCurve& curve : curves) {
    const double whole = of_positives ? curve.positives : curve.n();
    hulls.push_back(upper_hull(
        curve, [&](const ThresholdPoint& p) { return (of_positives ? p.positives : p.positives + p.negatives) / whole; },
        [&](const ThresholdPoint& p) { return -cost_of(curve, p, costs); }));
    for (const HullCorner& corner : hulls.back()) rates.push_back(corner.x);
  }
  double best = 0, least = kInfinite;
  std::sort(rates.begin(), rates.end());
  for (const double rate : rates) {
    double cost = 0;
    for (const auto& hull : hulls) cost -= height_at(hull, rate);
    if (cost < least - 1e-12) {
      least = cost;
      best = rate;
    }
  }
  ThresholdChoice choice;
  choice.cost = least;
  for (std::size_t g = 0; g < curves.size(); ++g) {
    RandomThreshold rule;
    add_hull_rule(rule, curves[g], hulls[g], best, 1);
    sort_parts(rule);
    choice.rule.push_back(std::move(rule));
  }
  return choice;
}

/// False positive rates at which the lowest hull may bend: corners, and crossings of two hulls.
std::vector<double> bends(const std::vector<std::vector<HullCorner>>& hulls) {
  std::vector<double> xs;
  for (const auto& hull : hulls) {
    for (const HullCorner& corner : hull) xs.push_back(corner.x);
  }
  std::sort(xs.begin(), xs.end());
  xs.erase(std::unique(xs.begin(), xs.end()), xs.end());
  const std::size_t corners = xs.size();
  for (std::size_t k = 0; k + 1 < corners; ++k) {
    for (std::size_t a = 0; a < hulls.size(); ++a) {
      for (std::size_t b = a + 1; b < hulls.size(); ++b) {
        // Both are straight between two neighbouring corners.
        const double left = height_at(hulls[a], xs[k]) - height_at(hulls[b], xs[k]);
        const double right = height_at(hulls[a], xs[k + 1]) - height_at(hulls[b], xs[k + 1]);
        if (left * right < 0) xs.push_back(xs[k] + (xs[k + 1] - xs[k]) * left / (left - right));
      }
    }
  }
  std::sort(xs.begin(), xs.end());
  return xs;
}

ThresholdChoice choose_odds(const std::vector<GroupCurve>& curves, const ThresholdCosts& costs) {
  std::vector<std::vector<HullCorner>> hulls;
  double positives = 0, negatives = 0;
  for (const GroupCurve& curve : curves) {
    hulls.push_back(upper_hull(
        curve, [&](const ThresholdPoint& p) { return p.negatives / curve.negatives; },
        [&](const ThresholdPoint& p) { return p.positives / curve.positives; }));
    positives += curve.positives;
    negatives += curve.negatives;
  }
  double best_x = 0, best_y = 0, least = kInfinite;
  for (const double x : bends(hulls)) {
    double y = kInfinite;
    for (const auto& hull : hulls) y = std::min(y, height_at(hull, x));
    const double cost = costs.false_positive * negatives * x + costs.false_negative * positives * (1 - y);
    if (cost < least - 1e-12) {
      least = cost;
      best_x = x;
      best_y = y;
    }
  }
  ThresholdChoice choice;
  choice.cost = least;
  for (std::size_t g = 0; g < curves.size(); ++g) {
    const double own = height_at(hulls[g], best_x);
    // A random answer that is positive with probability x lies on the diagonal, below the common point.
    const double random = own > best_y ? (own - best_y) / (own - best_x) : 0;
    RandomThreshold rule;
    add_hull_rule(rule, curves[g], hulls[g], best_x, 1 - random);
    add_part(rule, -kInfinite, random * best_x);
    add_part(rule, kInfinite, random * (1 - best_x));
    sort_parts(rule);
    choice.rule.push_back(std::move(rule));
  }
  return choice;
}

void check_groups(const std::vector<GroupCurve>& curves, Parity parity) {
  for (std::size_t g = 0; g < curves.size(); ++g) {
    const bool lacks = curves[g].n() == 0 || (parity != Parity::kDemographic && curves[g].positives == 0) ||
                       (parity == Parity::kEqualizedOdds && curves[g].negatives == 0);
    if (lacks) {
      throw bad_data(fmt::format("group {} of {}: {} rows are positive and {} negative: the rate to equalise is not defined", g + 1,
                                 curves.size(), curves[g].positives, curves[g].negatives),
                     "Leave the group out, or ask for demographic-parity.");
    }
  }
}

}  // namespace

double RandomThreshold::probability(double score) const {
  double p = 0;
  for (const Part& part : parts) {
    if (score >= part.threshold) p += part.probability;
  }
  return std::min(p, 1.0);
}

ThresholdChoice choose_thresholds(const ScoredRows& rows, Parity parity, const ThresholdCosts& costs) {
  if (rows.group.size() != rows.label.size() || rows.group.size() != rows.score.size() || rows.group.empty()) {
    throw internal_error("thresholds need group, label and score of each row");
  }
  if (!(costs.false_positive >= 0) || !(costs.false_negative >= 0) || costs.false_positive + costs.false_negative <= 0) {
    throw usage_error("costs of errors must be 0 or more, and not both 0");
  }
  const std::vector<GroupCurve> curves = curves_of(rows);
  check_groups(curves, parity);
  ThresholdChoice choice = parity == Parity::kEqualizedOdds
                               ? choose_odds(curves, costs)
                               : choose_one_rate(curves, parity == Parity::kEqualOpportunity, costs);
  const auto n = static_cast<double>(rows.group.size());
  choice.cost /= n;
  for (const GroupCurve& curve : curves) {
    double least = kInfinite;
    for (const ThresholdPoint& point : curve.points) least = std::min(least, cost_of(curve, point, costs));
    choice.unconstrained_cost += least / n;
  }
  return choice;
}

std::vector<ExpectedRates> expected_rates(const ScoredRows& rows, std::span<const double> probability) {
  std::vector<ExpectedRates> rates(rows.groups);
  for (std::size_t i = 0; i < rows.group.size(); ++i) {
    ExpectedRates& rate = rates.at(rows.group[i]);
    rate.n += 1;
    rate.selection += probability[i];
    rate.positives += rows.label[i] != 0 ? 1 : 0;
    (rows.label[i] != 0 ? rate.true_positive : rate.false_positive) += probability[i];
  }
  for (ExpectedRates& rate : rates) {
    if (rate.n > 0) rate.selection /= rate.n;
    if (rate.positives > 0) rate.true_positive /= rate.positives;
    if (rate.n > rate.positives) rate.false_positive /= rate.n - rate.positives;
  }
  return rates;
}

Parity parse_parity(const std::string& name) {
  if (name == "demographic-parity") return Parity::kDemographic;
  if (name == "equal-opportunity") return Parity::kEqualOpportunity;
  if (name == "equalized-odds") return Parity::kEqualizedOdds;
  throw usage_error("constraint '" + name + "' is not known", "There are demographic-parity, equal-opportunity and equalized-odds.");
}

}  // namespace discreet::mitigate
