#include "discreet/app/ops/internal/answer_effects.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "discreet/core/random.h"

namespace discreet::app {
namespace {

constexpr int kAnswerResamples = 500;
constexpr double kLeastTexts = 10;  // of a group and class

struct AnswerFigures {
  std::optional<double> answers, errors, accuracy_gap, accuracy;
};

/// Counts of (group, label, answer) of some texts; the last label is the unknown one.
AnswerFigures answer_figures(const PairedAnswers& data, const std::vector<std::int64_t>& answer, const std::vector<std::size_t>& rows) {
  const std::size_t c = data.classes, labels = c + 1;
  std::vector<double> counts(data.groups * labels * c, 0);
  for (const std::size_t i : rows) {
    const std::size_t label = data.label[i] < 0 ? c : static_cast<std::size_t>(data.label[i]);
    counts[(data.group[i] * labels + label) * c + static_cast<std::size_t>(answer[i])] += 1;
  }
  const auto widest = [&](auto share_of) {
    std::optional<double> most;
    for (std::size_t a = 0; a < data.groups; ++a) {
      for (std::size_t b = a + 1; b < data.groups; ++b) {
        const auto left = share_of(a), right = share_of(b);
        if (left.empty() || right.empty()) continue;
        double distance = 0;
        for (std::size_t k = 0; k < left.size(); ++k) distance += std::abs(left[k] - right[k]) / 2;
        most = std::max(most.value_or(0), distance);
      }
    }
    return most;
  };
  const auto shares = [&](std::size_t g, std::size_t from, std::size_t to) {
    std::vector<double> share(c, 0);
    double n = 0;
    for (std::size_t l = from; l < to; ++l) {
      for (std::size_t k = 0; k < c; ++k) {
        share[k] += counts[(g * labels + l) * c + k];
        n += counts[(g * labels + l) * c + k];
      }
    }
    if (n < (to - from == 1 ? kLeastTexts : 1)) return std::vector<double>();
    for (double& s : share) s /= n;
    return share;
  };
  AnswerFigures figures;
  figures.answers = widest([&](std::size_t g) { return shares(g, 0, labels); });
  for (std::size_t l = 0; l < c; ++l) {
    const auto gap = widest([&](std::size_t g) { return shares(g, l, l + 1); });
    if (gap) figures.errors = std::max(figures.errors.value_or(0), *gap);
  }
  double right = 0, known = 0, low = 2, high = -1;
  for (std::size_t g = 0; g < data.groups; ++g) {
    double g_right = 0, g_known = 0;
    for (std::size_t l = 0; l < c; ++l) {
      for (std::size_t k = 0; k < c; ++k) g_known += counts[(g * labels + l) * c + k];
      g_right += counts[(g * labels + l) * c + l];
    }
    right += g_right;
    known += g_known;
    if (g_known == 0) continue;
    low = std::min(low, g_right / g_known);
    high = std::max(high, g_right / g_known);
  }
  if (known > 0) {
    figures.accuracy = right / known;
    figures.accuracy_gap = high - low;
  }
  return figures;
}

std::optional<stats::Interval> middle_95(std::vector<double>& values) {
  if (values.size() < 20) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) { return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)]; };
  return stats::Interval{at(.025), at(.975)};
}

}  // namespace

std::vector<Effect> answer_effects(const PairedAnswers& data, std::uint64_t seed) {
  struct Measure {
    const char *aspect, *metric;
    std::optional<double> AnswerFigures::*value;
  };
  const std::array<Measure, 4> measures = {{{"fairness", "answers_difference", &AnswerFigures::answers},
                                            {"fairness", "error_rates_difference", &AnswerFigures::errors},
                                            {"fairness", "accuracy_difference", &AnswerFigures::accuracy_gap},
                                            {"utility", "accuracy", &AnswerFigures::accuracy}}};
  std::vector<std::size_t> all(data.group.size());
  std::iota(all.begin(), all.end(), 0u);
  std::vector<std::vector<std::size_t>> members(data.groups);
  for (const std::size_t i : all) members.at(data.group[i]).push_back(i);
  std::array<std::array<std::vector<double>, 3>, 4> drawn;
  core::ReproducibleRng rng(seed, "answer effects");
  for (int r = 0; r < kAnswerResamples; ++r) {
    std::vector<std::size_t> rows;
    for (const auto& group : members) {
      for (std::size_t k = 0; k < group.size(); ++k) rows.push_back(group[rng.below(group.size())]);
    }
    const AnswerFigures old = answer_figures(data, data.before, rows), fresh = answer_figures(data, data.after, rows);
    for (std::size_t m = 0; m < measures.size(); ++m) {
      const auto x = old.*measures[m].value, y = fresh.*measures[m].value;
      if (!x || !y) continue;
      drawn[m][0].push_back(*x);
      drawn[m][1].push_back(*y);
      drawn[m][2].push_back(*y - *x);
    }
  }
  const AnswerFigures old = answer_figures(data, data.before, all), fresh = answer_figures(data, data.after, all);
  std::vector<Effect> effects;
  for (std::size_t m = 0; m < measures.size(); ++m) {
    Effect effect;
    effect.aspect = measures[m].aspect;
    effect.metric = measures[m].metric;
    effect.before = old.*measures[m].value;
    effect.after = fresh.*measures[m].value;
    effect.reason = "too few texts of a group have a class that the head knows";
    effect.before_ci = middle_95(drawn[m][0]);
    effect.after_ci = middle_95(drawn[m][1]);
    effect.difference_ci = middle_95(drawn[m][2]);
    effect.better = effect.aspect == "utility" ? "higher" : "lower";
    effect.n = data.group.size();
    effect.unit = "text";
    effects.push_back(std::move(effect));
  }
  return effects;
}

}  // namespace discreet::app
