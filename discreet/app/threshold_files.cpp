#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "discreet/app/before_after.h"
#include "discreet/app/internal/document_stream.h"
#include "discreet/app/outcome_files.h"
#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/mitigate/outcomes/thresholds.h"

namespace discreet::app {
namespace {

/// Rows as numbers, groups in the order of `names`.
struct NumberedOutcomes {
  std::vector<std::string> names;
  std::vector<std::uint32_t> group;
  std::vector<std::uint8_t> label;
  std::vector<double> score;
  mitigate::ScoredRows rows() const { return {group, names.size(), label, score}; }
};

bool is_positive(const std::string& label, const std::string& positive) {
  return positive.empty() ? label == "1" || label == "true" || label == "True" : label == positive;
}

NumberedOutcomes number_outcomes(const OutcomeRows& rows, const std::string& positive, const std::vector<std::string>* known) {
  NumberedOutcomes numbered;
  if (known) numbered.names = *known;
  std::map<std::string, std::uint32_t> index;
  if (!known) {
    for (const std::string& group : rows.group) index.emplace(group, 0);
    for (const auto& [name, number] : index) numbered.names.push_back(name);
  }
  for (std::size_t g = 0; g < numbered.names.size(); ++g) index[numbered.names[g]] = static_cast<std::uint32_t>(g);
  std::map<std::string, std::size_t> labels;
  for (std::size_t i = 0; i < rows.label.size(); ++i) {
    const auto group = index.find(rows.group[i]);
    if (group == index.end()) {
      throw bad_data(fmt::format("group '{}' has no threshold: it is not among the rows that thresholds were chosen on", rows.group[i]));
    }
    numbered.group.push_back(group->second);
    numbered.label.push_back(is_positive(rows.label[i], positive) ? 1 : 0);
    ++labels[rows.label[i]];
  }
  numbered.score = rows.score;
  if (labels.size() > 2) {
    throw bad_data(fmt::format("{} classes, thresholds are for two", labels.size()), "Take the score of one class against the others.");
  }
  if (!known && std::count(numbered.label.begin(), numbered.label.end(), 1) == 0) {
    throw bad_data("no row is of the positive class", "Name it with --positive.");
  }
  return numbered;
}

/// Accuracy and gaps of random predictions, in expectation; absent where a group lacks a rate.
struct OutcomeFigures {
  std::optional<double> accuracy, parity, opportunity, odds;
};

OutcomeFigures figures_of(const mitigate::ScoredRows& rows, std::span<const double> p) {
  const auto rates = mitigate::expected_rates(rows, p);
  double right = 0;
  for (std::size_t i = 0; i < p.size(); ++i) right += rows.label[i] != 0 ? p[i] : 1 - p[i];
  const auto gap = [&](auto of, auto defined) -> std::optional<double> {
    double low = 2, high = -1;
    for (const auto& rate : rates) {
      if (!defined(rate)) return std::nullopt;
      low = std::min(low, of(rate));
      high = std::max(high, of(rate));
    }
    return high - low;
  };
  OutcomeFigures figures;
  figures.accuracy = right / static_cast<double>(p.size());
  figures.parity = gap([](const auto& r) { return r.selection; }, [](const auto& r) { return r.n > 0; });
  figures.opportunity = gap([](const auto& r) { return r.true_positive; }, [](const auto& r) { return r.positives > 0; });
  const auto false_positive = gap([](const auto& r) { return r.false_positive; }, [](const auto& r) { return r.n > r.positives; });
  if (figures.opportunity && false_positive) figures.odds = std::max(*figures.opportunity, *false_positive);
  return figures;
}

std::optional<stats::Interval> percentiles(std::vector<double>& values) {
  if (values.size() < 20) return std::nullopt;
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) { return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)]; };
  return stats::Interval{at(.025), at(.975)};
}

std::vector<Effect> outcome_effects(const NumberedOutcomes& data, const std::vector<double>& before, const std::vector<double>& after,
                                    const ThresholdRequest& request) {
  using Pick = std::optional<double> OutcomeFigures::*;
  const std::vector<std::tuple<const char*, const char*, Pick>> metrics = {
      {"fairness", "demographic_parity_difference", &OutcomeFigures::parity},
      {"fairness", "true_positive_rate_difference", &OutcomeFigures::opportunity},
      {"fairness", "equalized_odds_difference", &OutcomeFigures::odds},
      {"utility", "accuracy", &OutcomeFigures::accuracy}};
  std::vector<std::vector<std::size_t>> members(data.names.size());
  for (std::size_t i = 0; i < data.group.size(); ++i) members[data.group[i]].push_back(i);
  core::ReproducibleRng rng(request.seed, "threshold intervals");
  std::vector<std::vector<double>> befores(metrics.size()), afters(metrics.size()), differences(metrics.size());
  std::vector<std::uint8_t> label(data.label.size());
  std::vector<double> b(label.size()), a(label.size());
  const std::vector<double> no_scores;
  for (std::int64_t r = 0; r < request.resamples; ++r) {
    for (const auto& rows : members) {
      for (const std::size_t i : rows) {
        const std::size_t drawn = rows[rng.below(rows.size())];
        label[i] = data.label[drawn];
        b[i] = before[drawn];
        a[i] = after[drawn];
      }
    }
    const mitigate::ScoredRows sample{data.group, data.names.size(), label, no_scores};
    const OutcomeFigures old = figures_of(sample, b), fresh = figures_of(sample, a);
    for (std::size_t m = 0; m < metrics.size(); ++m) {
      const auto x = old.*std::get<2>(metrics[m]), y = fresh.*std::get<2>(metrics[m]);
      if (!x || !y) continue;
      befores[m].push_back(*x);
      afters[m].push_back(*y);
      differences[m].push_back(*y - *x);
    }
  }
  const OutcomeFigures old = figures_of(data.rows(), before), fresh = figures_of(data.rows(), after);
  std::vector<Effect> effects;
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    Effect effect;
    effect.aspect = std::get<0>(metrics[m]);
    effect.metric = std::get<1>(metrics[m]);
    effect.before = old.*std::get<2>(metrics[m]);
    effect.after = fresh.*std::get<2>(metrics[m]);
    effect.reason = "a group has no row of the class";
    effect.before_ci = percentiles(befores[m]);
    effect.after_ci = percentiles(afters[m]);
    effect.difference_ci = percentiles(differences[m]);
    effect.better = effect.aspect == "utility" ? "higher" : "lower";
    effect.n = data.label.size();
    effect.unit = "row";
    effects.push_back(std::move(effect));
  }
  return effects;
}

std::string group_key(const Table& table, std::size_t row, const std::vector<std::string>& columns) {
  std::string key;
  for (const std::string& name : columns) key += (key.empty() ? "" : " & ") + table.column(name)[row];
  return key;
}

void write_predictions(const ThresholdRequest& request, const NumberedOutcomes& data, const std::vector<double>& p) {
  internal::BlockFile file(request.output);
  core::ReproducibleRng rng(request.seed, "threshold draws");
  for (std::size_t i = 0; i < p.size(); ++i) {
    file.line(Json({{"row", i}, {"group", data.names[data.group[i]]}, {"label", data.label[i]}, {"score", data.score[i]},
                    {"probability", p[i]}, {"prediction", rng.uniform() < p[i] ? 1 : 0}})
                  .dump());
  }
  file.finish();
}

}  // namespace

OutcomeRows read_outcomes(const std::filesystem::path& path, const ThresholdRequest& request) {
  std::vector<std::string> names = {request.label, request.score};
  names.insert(names.end(), request.group.begin(), request.group.end());
  const Table table = read_table(path, names);
  if (table.rows() == 0) throw bad_data(path.string() + ": no rows");
  OutcomeRows rows;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const std::string& name : names) {
      if (table.column(name)[row].empty()) throw bad_data(fmt::format("{}: no value in column '{}'", table.where(row), name));
    }
    rows.label.push_back(table.column(request.label)[row]);
    rows.score.push_back(table.number(row, request.score));
    rows.group.push_back(group_key(table, row, request.group));
  }
  return rows;
}

Json choose_group_thresholds(const ThresholdRequest& request, const OutcomeRows& fit_rows, const OutcomeRows& evaluation,
                             bool same_rows) {
  if (!std::isfinite(request.threshold)) {
    throw usage_error(fmt::format("--threshold {:g} is no score", request.threshold), "Name the score that counted as positive before.");
  }
  const mitigate::ThresholdCosts costs{request.false_positive_cost, request.false_negative_cost};
  const NumberedOutcomes fit = number_outcomes(fit_rows, request.positive, nullptr);
  if (fit.names.size() < 2) throw bad_data("there is one group alone", "Thresholds are made equal over two groups or more.");
  const mitigate::ThresholdChoice choice = mitigate::choose_thresholds(fit.rows(), mitigate::parse_parity(request.constraint), costs);
  const NumberedOutcomes data = number_outcomes(evaluation, request.positive, &fit.names);
  std::vector<double> before, after;
  for (std::size_t i = 0; i < data.score.size(); ++i) {
    before.push_back(data.score[i] >= request.threshold ? 1 : 0);
    after.push_back(choice.rule[data.group[i]].probability(data.score[i]));
  }
  Mitigation mitigation;
  mitigation.name = "thresholds";
  mitigation.configuration = {{"constraint", request.constraint}, {"label", request.label}, {"score", request.score},
                              {"group", request.group}, {"positive", request.positive}, {"threshold", request.threshold},
                              {"false_positive_cost", costs.false_positive}, {"false_negative_cost", costs.false_negative},
                              {"resamples", request.resamples}, {"seed", request.seed}};
  if (!request.input.empty()) mitigation.inputs.push_back(core::describe_input("input", request.input));
  if (!request.evaluate.empty()) mitigation.inputs.push_back(core::describe_input("evaluate", request.evaluate));
  mitigation.caveats = {"Where a rule has two thresholds, one is drawn for each row: the rates are equal in expectation, and two people "
                        "with one score may be told different things.",
                        "A different threshold for each group needs the group at prediction time; whether that is allowed is a question of law.",
                        "Intervals are of resamples of rows within groups; the rule is held fixed. A gap is never below 0, and chance adds to it, "
                        "in resamples more than in the data: its interval may lie above a small estimate."};
  if (same_rows) {
    mitigation.caveats.push_back("The figures are of the rows that the thresholds were chosen on: on others the gaps will be larger.");
  }
  Json document = before_after(mitigation, outcome_effects(data, before, after, request));
  document["rules"] = Json::array();
  for (std::size_t g = 0; g < fit.names.size(); ++g) {
    Json parts = Json::array();
    for (const auto& part : choice.rule[g].parts) {
      parts.push_back({{"threshold", core::number(part.threshold)}, {"probability", part.probability}});
    }
    document["rules"].push_back({{"group", fit.names[g]}, {"parts", parts}});
  }
  document["cost"] = choice.cost;
  document["unconstrained_cost"] = choice.unconstrained_cost;
  if (!request.output.empty()) {
    write_predictions(request, data, after);
    document["output"] = core::to_json(core::describe_input("output", request.output));
  }
  return document;
}

Json threshold_file(const ThresholdRequest& request) {
  if (request.group.empty()) throw usage_error("mitigate thresholds needs --group", "Name one or more columns: --group g,h");
  internal::refuse_input_as_output({request.input, request.evaluate}, request.output);
  const OutcomeRows fit = read_outcomes(request.input, request);
  const bool same = request.evaluate.empty();
  return choose_group_thresholds(request, fit, same ? fit : read_outcomes(request.evaluate, request), same);
}

}  // namespace discreet::app
