#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/report/curves.h"

namespace discreet::app {

/// A measured quantity over what was spent: rising x.
struct StudyCurve {
  std::vector<double> x, y;
};

/// The curve of a simulation's rounds: `axis` is round, examples, bytes or local_steps, summed up to each round;
/// `value` is loss or metric. Rounds that were not evaluated are left out; an axis that the document lacks
/// gives an empty curve.
StudyCurve simulation_curve(const Json& rounds, const std::string& axis, const std::string& value);

/// What of a simulation's document a cell keeps: for each evaluated round its totals so far.
Json simulation_rounds(const Json& document);

/// Mean height between the first point and `end`, linear between points; the first point's value holds
/// before it, and the last one's behind it. Nothing for an empty curve or `end` before its first point.
std::optional<double> curve_area(const StudyCurve& curve, double end);
/// Value at `x`, likewise.
double curve_at(const StudyCurve& curve, double x);
/// First x at which a falling curve is at or below `level`.
std::optional<double> first_below(const StudyCurve& curve, double level);

/// Adds the mean of the curves at each x that any of them has, as one series; nothing if there is none.
void add_mean(report::Curves& picture, const std::string& name, std::span<const StudyCurve> curves);

/// Values of the seeds that both have.
struct SeedPairs {
  std::vector<double> a, b, difference;
};
SeedPairs pair_seeds(const std::map<int, double>& a, const std::map<int, double>& b);
/// Wilcoxon's two-sided p; 1 where no pair differs.
double paired_p(const SeedPairs& pairs);

}  // namespace discreet::app
