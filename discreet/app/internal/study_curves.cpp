#include "discreet/app/internal/study_curves.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "discreet/stats/intervals.h"
#include "discreet/stats/paired.h"

namespace discreet::app {

Json simulation_rounds(const Json& document) {
  Json kept = Json::array();
  double examples = 0, bytes = 0, steps = 0;
  for (const Json& round : document["rounds"]) {
    examples += round.value("examples", 0.0);
    bytes += round.value("bytes_up", 0.0) + round.value("bytes_down", 0.0);
    if (round.contains("selection")) {
      bytes += round["selection"].value("bytes_up", 0.0) + round["selection"].value("bytes_down", 0.0);
    }
    steps += round.value("local_steps", 0.0);
    if (!round["loss"].is_number()) continue;
    kept.push_back({{"round", round["round"]}, {"loss", round["loss"]}, {"metric", round["metric"]},
                    {"examples", examples}, {"bytes", bytes}});
    if (round.contains("local_steps")) kept.back()["local_steps"] = steps;
  }
  return kept;
}

StudyCurve simulation_curve(const Json& rounds, const std::string& axis, const std::string& value) {
  StudyCurve curve;
  for (const Json& round : rounds) {
    if (!round.contains(axis) || !round[value].is_number()) continue;
    curve.x.push_back(round[axis].get<double>());
    curve.y.push_back(round[value].get<double>());
  }
  return curve;
}

double curve_at(const StudyCurve& curve, double x) {
  const auto after = std::lower_bound(curve.x.begin(), curve.x.end(), x) - curve.x.begin();
  if (after == 0) return curve.y.front();
  if (after == static_cast<std::ptrdiff_t>(curve.x.size())) return curve.y.back();
  const auto i = static_cast<std::size_t>(after);
  const double part = (x - curve.x[i - 1]) / (curve.x[i] - curve.x[i - 1]);
  return curve.y[i - 1] + part * (curve.y[i] - curve.y[i - 1]);
}

std::optional<double> curve_area(const StudyCurve& curve, double end) {
  if (curve.x.empty() || !(end > curve.x.front())) return std::nullopt;
  double area = curve.y.front() * curve.x.front();
  double x = curve.x.front(), y = curve.y.front();
  for (std::size_t i = 1; i < curve.x.size() && curve.x[i] <= end; ++i) {
    area += (curve.x[i] - x) * (curve.y[i] + y) / 2;
    x = curve.x[i];
    y = curve.y[i];
  }
  area += (end - x) * (y + curve_at(curve, end)) / 2;
  return area / end;
}

std::optional<double> first_below(const StudyCurve& curve, double level) {
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (curve.y[i] <= level) return curve.x[i];
  }
  return std::nullopt;
}

void add_mean(report::Curves& picture, const std::string& name, std::span<const StudyCurve> curves) {
  std::map<double, std::vector<double>> at;
  for (const StudyCurve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) at[curve.x[i]].push_back(curve.y[i]);
  }
  if (at.empty()) return;
  report::Series series{.name = name, .points = {}, .band = {}, .markers = {}};
  for (const auto& [x, values] : at) {
    series.points.push_back({x, std::accumulate(values.begin(), values.end(), 0.0) / double(values.size())});
  }
  picture.series.push_back(std::move(series));
}

SeedPairs pair_seeds(const std::map<int, double>& a, const std::map<int, double>& b) {
  SeedPairs pairs;
  for (const auto& [seed, value] : a) {
    const auto other = b.find(seed);
    if (other == b.end()) continue;
    pairs.a.push_back(value);
    pairs.b.push_back(other->second);
    pairs.difference.push_back(value - other->second);
  }
  return pairs;
}

double paired_p(const SeedPairs& pairs) {
  if (pairs.a.empty()) return 1;
  return stats::wilcoxon_signed_rank(pairs.a, pairs.b).p_value.value_or(1.0);
}

}  // namespace discreet::app
