#include "discreet/app/probe_report.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/probe.h"

namespace discreet::app {
namespace {

struct ProbeGuesses {
  std::vector<std::uint32_t> before, after;
};

/// Predictions of each fold by a probe of the others.
ProbeGuesses guess(const mitigate::ProjectionData& data, const std::vector<std::uint32_t>& fold, const ProbePlan& plan,
                   std::size_t hidden, const std::function<std::vector<double>(std::size_t)>& rows_after) {
  ProbeGuesses guesses{std::vector<std::uint32_t>(data.size()), std::vector<std::uint32_t>(data.size())};
  const std::size_t d = data.dimension;
  for (std::size_t k = 0; k < plan.folds; ++k) {
    const auto predict = [&](const std::vector<double>& rows, std::vector<std::uint32_t>& into) {
      std::vector<double> train, test;
      std::vector<std::uint32_t> labels;
      std::vector<std::size_t> places;
      for (std::size_t i = 0; i < data.size(); ++i) {
        const auto row = std::span(rows).subspan(i * d, d);
        std::vector<double>& side = fold[i] == k ? test : train;
        side.insert(side.end(), row.begin(), row.end());
        if (fold[i] == k) places.push_back(i);
        else labels.push_back(data.labels[i]);
      }
      if (places.empty() || labels.empty()) return;
      const auto predicted = stats::Probe(train, d, labels, data.classes, {.hidden = hidden, .seed = plan.seed}).predict(test);
      for (std::size_t i = 0; i < places.size(); ++i) into[places[i]] = predicted[i];
    };
    predict(data.rows, guesses.before);
    predict(rows_after(k), guesses.after);
  }
  return guesses;
}

Effect accuracy_effect(const std::string& metric, const mitigate::ProjectionData& data, const ProbeGuesses& guesses) {
  const auto before = stats::count_right(guesses.before, data.labels, data.classes);
  const auto after = stats::count_right(guesses.after, data.labels, data.classes);
  Effect effect;
  effect.aspect = "fairness";
  effect.metric = metric;
  effect.before = before.accuracy;
  effect.after = after.accuracy;
  effect.before_ci = before.ci;
  effect.after_ci = after.ci;
  effect.difference_ci = stats::newcombe_difference(after.right, after.n, before.right, before.n);
  effect.better = "neutral";
  effect.neutral = before.majority;
  effect.n = before.n;
  effect.unit = "row";
  return effect;
}

}  // namespace

std::vector<std::uint32_t> probe_folds(const std::vector<std::uint32_t>& unit, std::size_t folds, std::uint64_t seed) {
  std::uint32_t units = 0;
  for (const std::uint32_t u : unit) units = std::max(units, u + 1);
  if (units < folds) {
    throw bad_data(std::to_string(units) + " rows or pairs for " + std::to_string(folds) + " folds", "Name more words or texts.");
  }
  std::vector<std::uint32_t> order(units), of_unit(units), fold;
  std::iota(order.begin(), order.end(), 0u);
  core::ReproducibleRng rng(seed, "probe folds");
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  for (std::size_t i = 0; i < order.size(); ++i) of_unit[order[i]] = static_cast<std::uint32_t>(i % folds);
  for (const std::uint32_t u : unit) fold.push_back(of_unit[u]);
  return fold;
}

std::vector<Effect> probe_effects(const std::string& what, const mitigate::ProjectionData& data,
                                  const std::vector<std::uint32_t>& fold, const ProbePlan& plan,
                                  const std::function<std::vector<double>(std::size_t)>& rows_after) {
  std::vector<std::vector<double>> after(plan.folds);
  for (std::size_t k = 0; k < plan.folds; ++k) after[k] = rows_after(k);
  const auto of_fold = [&](std::size_t k) { return after[k]; };
  return {accuracy_effect(what + "_linear_probe", data, guess(data, fold, plan, 0, of_fold)),
          accuracy_effect(what + "_network_probe", data, guess(data, fold, plan, plan.hidden, of_fold))};
}

mitigate::ProjectionData without_fold(const mitigate::ProjectionData& data, const std::vector<std::uint32_t>& fold, std::size_t k) {
  mitigate::ProjectionData rest{.dimension = data.dimension, .rows = {}, .labels = {}, .classes = data.classes, .pairs = {}};
  std::vector<std::size_t> place(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (fold[i] == k) continue;
    place[i] = rest.size();
    const auto row = data.row(i);
    rest.rows.insert(rest.rows.end(), row.begin(), row.end());
    rest.labels.push_back(data.labels[i]);
  }
  for (const auto& [a, b] : data.pairs) {
    if (fold[a] != k && fold[b] != k) rest.pairs.emplace_back(place[a], place[b]);
  }
  return rest;
}

Effect nearest_ten_kept(const std::string& unit, std::span<const double> before, std::span<const double> after, std::size_t dimension) {
  constexpr std::size_t kNear = 10, kSample = 100, kAmong = 20000;
  const std::size_t among = std::min(kAmong, before.size() / dimension), sample = std::min(kSample, among);
  std::vector<double> shares;
  for (std::size_t s = 0; s < sample; ++s) {
    const std::size_t row = s * among / sample;
    const auto near = [&](std::span<const double> values) {
      std::vector<std::pair<double, std::size_t>> cosines;
      for (std::size_t i = 0; i < among; ++i) {
        if (i == row) continue;
        double dot = 0, square = 0;
        for (std::size_t k = 0; k < dimension; ++k) {
          dot += values[i * dimension + k] * values[row * dimension + k];
          square += values[i * dimension + k] * values[i * dimension + k];
        }
        cosines.emplace_back(square > 0 ? -dot / std::sqrt(square) : 2, i);
      }
      const std::size_t count = std::min(kNear, cosines.size());
      std::partial_sort(cosines.begin(), cosines.begin() + static_cast<std::ptrdiff_t>(count), cosines.end());
      std::set<std::size_t> nearest;
      for (std::size_t i = 0; i < count; ++i) nearest.insert(cosines[i].second);
      return nearest;
    };
    const std::set<std::size_t> old = near(before), fresh = near(after);
    if (old.empty()) continue;
    std::size_t both = 0;
    for (const std::size_t i : old) both += fresh.count(i);
    shares.push_back(static_cast<double>(both) / static_cast<double>(old.size()));
  }
  const stats::MeanEstimate mean = stats::mean_interval(shares);
  Effect effect;
  effect.aspect = "utility";
  effect.metric = fmt::format("nearest_ten_{}s_kept", unit);
  effect.before = 1;
  effect.before_ci = stats::Interval{1, 1};
  effect.after = mean.mean;
  effect.after_ci = mean.ci;
  if (mean.ci) effect.difference_ci = stats::Interval{mean.ci->low - 1, mean.ci->high - 1};
  effect.better = "higher";
  effect.n = mean.n;
  effect.unit = unit;
  return effect;
}

Json describe_projection(const std::string& method, const mitigate::AffineMap& map, const mitigate::ProjectionData& data) {
  const mitigate::OddRows odd = mitigate::count_odd_rows(data);
  double norm = 0;
  for (std::size_t i = 0; i < map.dimension; ++i) {
    for (std::size_t j = 0; j < map.dimension; ++j) {
      const double x = (i == j ? 1 : 0) - map.matrix[i * map.dimension + j];
      norm += x * x;
    }
  }
  return {{"method", method}, {"dimension", map.dimension}, {"removed_directions", map.removed}, {"linear", map.linear()},
          {"squared_norm_of_change", norm}, {"rows", data.size()}, {"classes", data.classes}, {"pairs", data.pairs.size()},
          {"zero_rows", odd.zero}, {"repeated_rows", odd.repeated}, {"notes", map.notes}};
}

}  // namespace discreet::app
