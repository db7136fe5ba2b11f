// Tests, budgets and verdicts of the study of selection (study/selection.cpp).
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/internal/selection_study.h"
#include "discreet/app/internal/study_curves.h"
#include "discreet/privacy/accountant.h"
#include "discreet/report/curves.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/intervals.h"

namespace discreet::app {
namespace {

constexpr double kPlannedLevel = 0.05;  // of the primary tests, after Holm

const std::vector<std::string> kAxes = {"round", "examples", "bytes", "local_steps"};

class SelectionResults {
 public:
  SelectionResults(const SelectionDesign& design, const StudyResults& finished) : design_(design), finished_(finished) {}

  const Json* find(const SelectionData& data, const std::string& setting, const std::string& selection, int seed) const {
    const auto cell = finished_.find(selection_cell(data.name, setting, selection, seed));
    return cell == finished_.end() ? nullptr : &cell->second;
  }

  /// A number of each finished seed.
  template <class Get>
  std::map<int, double> by_seed(const SelectionData& data, const std::string& setting, const std::string& selection,
                                Get get) const {
    std::map<int, double> values;
    for (int seed = 1; seed <= design_.seeds_of(data); ++seed) {
      const Json* cell = find(data, setting, selection, seed);
      if (cell == nullptr) continue;
      if (const std::optional<double> value = get(*cell)) values[seed] = *value;
    }
    return values;
  }

  /// Area under the test loss of `selection` minus that of uniform, up to what the cheaper of the two spent.
  std::map<int, double> gaps(const SelectionData& data, const std::string& setting, const std::string& selection,
                             const std::string& axis) const {
    std::map<int, double> gaps;
    for (int seed = 1; seed <= design_.seeds_of(data); ++seed) {
      const Json* a = find(data, setting, selection, seed);
      const Json* b = find(data, setting, "uniform", seed);
      if (a == nullptr || b == nullptr) continue;
      const StudyCurve own = simulation_curve((*a)["rounds"], axis, "loss");
      const StudyCurve uniform = simulation_curve((*b)["rounds"], axis, "loss");
      if (own.x.empty() || uniform.x.empty()) continue;
      const double end = std::min(own.x.back(), uniform.x.back());
      const auto area = curve_area(own, end), other = curve_area(uniform, end);
      if (area && other) gaps[seed] = *area - *other;
    }
    return gaps;
  }

 private:
  const SelectionDesign& design_;
  const StudyResults& finished_;
};

std::optional<double> number_at(const Json& object, const char* key) {
  if (!object.contains(key) || !object[key].is_number()) return std::nullopt;
  return object[key].get<double>();
}

struct PrimaryTest {
  std::string data, what;
  std::vector<double> differences;
  double mean = 0, p = 1, holm = 1;
  std::optional<stats::Interval> ci;
};

/// Activity minus uniform in each setting, and the difference of the two, on the primary data.
std::vector<PrimaryTest> primary_tests(const SelectionDesign& design, const SelectionResults& results) {
  std::vector<PrimaryTest> tests;
  for (const SelectionData& data : design.data) {
    if (!data.primary) continue;
    const auto fixed = results.gaps(data, "static", "activity", "round");
    const auto moving = results.gaps(data, "continual", "activity", "round");
    const auto add = [&](const std::string& what, const std::vector<double>& differences) {
      PrimaryTest test{.data = data.name, .what = what, .differences = differences, .ci = {}};
      if (!differences.empty()) {
        const stats::MeanEstimate estimate = stats::mean_interval(differences);
        test.mean = estimate.mean;
        test.ci = estimate.ci;
        const std::vector<double> zeros(differences.size(), 0.0);
        test.p = paired_p({.a = differences, .b = zeros, .difference = differences});
      }
      tests.push_back(std::move(test));
    };
    add("static: activity - uniform", seed_values(fixed));
    add("continual: activity - uniform", seed_values(moving));
    add("interaction: continual - static", pair_seeds(moving, fixed).difference);
  }
  std::vector<double> p_values;
  for (const PrimaryTest& test : tests) p_values.push_back(test.p);
  const auto adjusted = stats::holm(p_values);
  for (std::size_t i = 0; i < tests.size(); ++i) tests[i].holm = adjusted[i];
  return tests;
}

Json primary_table(const std::vector<PrimaryTest>& tests, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const PrimaryTest& test : tests) {
    rows.push_back({test.data, test.what, mean_with_interval(std::span<const double>(test.differences), 4),
                    std::to_string(test.differences.size()), fmt::format("{:.4f}", test.p), fmt::format("{:.4f}", test.holm)});
    numbers.push_back({{"table", "primary"}, {"data", test.data}, {"what", test.what}, {"differences", test.differences},
                       {"p", test.p}, {"holm", test.holm}});
  }
  return study_table("Primary: area under the test-loss curve, per round", {"data", "difference", "mean", "seeds", "p", "p (Holm)"}, rows,
                     "Below 0: activity is better (first two), or its gain is larger with data over time (third). Paired over seeds: the "
                     "same initial weights and partition; 95 % t-intervals, Wilcoxon's signed-rank test, exact, two-sided.");
}

Json budget_table(const SelectionDesign& design, const SelectionResults& results, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const SelectionData& data : design.data) {
    for (const std::string& setting : kSelectionSettings) {
      for (const std::string& selection : design.selections_of(data)) {
        if (selection == "uniform" || !design.is_planned(data, selection, 1)) continue;
        std::vector<std::string> row = {data.name, setting, selection};
        for (const std::string& axis : kAxes) {
          const auto gaps = results.gaps(data, setting, selection, axis);
          row.push_back(mean_with_interval(gaps, 4));
          for (const auto& [seed, gap] : gaps) {
            numbers.push_back({{"table", "budgets"}, {"data", data.name}, {"setting", setting}, {"selection", selection},
                               {"axis", axis}, {"seed", seed}, {"value", gap}});
          }
        }
        rows.push_back(std::move(row));
      }
    }
  }
  return study_table("The same area minus that of uniform, at equal budgets",
                     {"data", "setting", "selection", "per round", "per example", "per byte", "per local step"}, rows,
                     "Each curve up to what the cheaper of the two arms spent. A gain that is there per round and not per example is "
                     "more work in a round, not better work.");
}

/// Rounds until the test loss is that of the static arm's end (mean of its last tenth), same selection and seed.
std::string rounds_to_level(const SelectionDesign& design, const SelectionResults& results, const SelectionData& data,
                            const std::string& selection) {
  std::vector<double> reached;
  int censored = 0;
  for (int seed = 1; seed <= design.seeds_of(data); ++seed) {
    const Json* fixed = results.find(data, "static", "uniform", seed);
    const Json* moving = results.find(data, "continual", selection, seed);
    if (fixed == nullptr || moving == nullptr) continue;
    const StudyCurve level = simulation_curve((*fixed)["rounds"], "round", "loss");
    const std::size_t last = std::max<std::size_t>(1, level.y.size() / 10);
    double sum = 0;
    for (std::size_t i = level.y.size() - last; i < level.y.size(); ++i) sum += level.y[i];
    const auto round = first_below(simulation_curve((*moving)["rounds"], "round", "loss"), sum / double(last));
    if (round) {
      reached.push_back(*round);
    } else {
      ++censored;
    }
  }
  if (reached.empty() && censored == 0) return "not measured";
  std::sort(reached.begin(), reached.end());
  if (reached.empty()) return fmt::format("none of {}", censored);
  return fmt::format("{:g} (median of {}; {} never)", reached[reached.size() / 2], reached.size(), censored);
}

Json price_table(const SelectionDesign& design, const SelectionResults& results, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const SelectionData& data : design.data) {
    for (const std::string& setting : kSelectionSettings) {
      for (const std::string& selection : design.selections_of(data)) {
        if (!design.is_planned(data, selection, 1)) continue;
        const auto of = [&](auto get) { return results.by_seed(data, setting, selection, get); };
        const auto final = [](const char* key) { return [key](const Json& cell) { return number_at(cell, key); }; };
        const auto device = [](const char* key) { return [key](const Json& cell) { return number_at(cell["devices"], key); }; };
        const auto examples = of([](const Json& cell) -> std::optional<double> {
          if (cell["rounds"].empty()) return std::nullopt;
          return cell["rounds"].back()["examples"].get<double>();
        });
        rows.push_back({data.name, setting, selection, mean_with_interval(of(final("loss")), 3),
                        mean_with_interval(of(device("mean")), 3), mean_with_interval(of(device("worst_decile")), 3),
                        mean_with_interval(of(final("group_gap")), 3), mean_with_interval(of(final("gini")), 2),
                        mean_with_interval(of(final("never_selected")), 0), mean_with_interval(examples, 0),
                        setting == "continual" ? rounds_to_level(design, results, data, selection) : ""});
        for (const auto& [key, values] : {std::pair("loss", of(final("loss"))), std::pair("gini", of(final("gini"))),
                                          std::pair("worst_decile", of(device("worst_decile"))),
                                          std::pair("group_gap", of(final("group_gap"))), std::pair("examples", examples)}) {
          for (const auto& [seed, value] : values) {
            numbers.push_back({{"table", "price"}, {"data", data.name}, {"setting", setting}, {"selection", selection},
                               {"metric", key}, {"seed", seed}, {"value", value}});
          }
        }
      }
    }
  }
  return study_table("At the end, and who pays",
                     {"data", "setting", "selection", "test loss, all examples", "mean over devices", "worst decile of devices", "gap of groups",
                      "participation Gini", "never selected", "examples", "rounds to the all-data level"},
                     rows,
                     "Mean and worst decile: of each device's share of right intents, or geometric mean of its characters' probabilities. Groups: "
                     "dialects (accuracy); the plays have none. The all-data level: end of the static uniform arm of the same seed.");
}

/// What differential privacy for devices costs each selection: the rate that may be claimed.
Json privacy_price(Json& numbers) {
  const auto accountant = privacy::make_accountant("prv");
  const auto epsilon = [&](double rate) {
    return accountant->epsilon(privacy::event_of({{1.0, rate, 100}}), privacy::Delta(1e-5)).guarantee();
  };
  std::vector<std::vector<std::string>> rows;
  // 650 devices with sizes by Zipf's law, 13,000 examples, a cohort of 10 expected.
  for (const double exponent : {0.0, 0.6, 1.2}) {
    std::vector<double> sizes;
    double sum = 0;
    for (int rank = 1; rank <= 650; ++rank) sum += sizes.emplace_back(std::pow(rank, -exponent));
    for (double& size : sizes) size *= 13000 / sum;
    const double rate = 10.0 / 13000, heaviest = std::min(1.0, rate * sizes.front());
    const double cap = sizes[65];  // the tenth of the devices that have more count as having this
    const double capped = std::min(1.0, rate * cap);
    rows.push_back({fmt::format("{:g}", exponent), fmt::format("{:.2f}", epsilon(10.0 / 650)), fmt::format("{:.0f}", sizes.front()),
                    fmt::format("{:.2f}", epsilon(heaviest)), fmt::format("{:.0f}", cap), fmt::format("{:.2f}", epsilon(capped))});
    numbers.push_back({{"table", "privacy"}, {"exponent", exponent}, {"uniform", epsilon(10.0 / 650)}, {"heaviest", epsilon(heaviest)},
                       {"capped", epsilon(capped)}});
  }
  return study_table("What privacy of devices costs",
                     {"Zipf exponent", "epsilon, uniform", "largest device", "epsilon, by activity", "public cap", "epsilon, capped"}, rows,
                     "Computed, not trained: 650 devices, 13,000 examples, 10 devices a round expected, Poisson sampling, noise multiplier 1, 100 "
                     "rounds, delta 1e-5, PRV. By activity each device is drawn with the public rate 10/13000 for each example up to a public "
                     "cap; the guarantee is the one at the cap. The cap here: what the device on the 90th percentile holds.");
}

Json curve_figure(const SelectionDesign& design, const SelectionResults& results, const SelectionData& data, const std::string& setting) {
  report::Curves curves{.title = fmt::format("{}, {}", data.name, setting),
                        .description = fmt::format("Test loss by round of each selection on {}, {} setting.", data.name, setting),
                        .x_label = "round", .y_label = "test loss", .series = {}};
  for (const std::string& selection : design.selections_of(data)) {
    std::vector<StudyCurve> of_seeds;
    for (int seed = 1; seed <= design.seeds_of(data); ++seed) {
      const Json* cell = results.find(data, setting, selection, seed);
      if (cell != nullptr) of_seeds.push_back(simulation_curve((*cell)["rounds"], "round", "loss"));
    }
    add_mean(curves, selection, of_seeds);
  }
  return {{"name", fmt::format("selection-{}-{}", data.name, setting)},
          {"title", fmt::format("Test loss by round, {}, {}: means over seeds", data.name, setting)},
          {"svg", report::curves(curves)}};
}

Json gain_verdict(const std::string& claim, const std::vector<PrimaryTest>& tests, const std::vector<std::string>& what) {
  bool all_below = true, any_excluded = false, complete = true;
  std::string found;
  for (const PrimaryTest& test : tests) {
    if (std::none_of(what.begin(), what.end(), [&](const std::string& name) { return test.what.starts_with(name); })) continue;
    complete = complete && test.differences.size() >= 3;
    all_below = all_below && test.mean < 0 && test.holm < kPlannedLevel;
    any_excluded = any_excluded || (test.ci && test.ci->low > 0);
    found += fmt::format("{}{} {}: {:.4f} (p {:.3f} after Holm, {} seeds)", found.empty() ? "" : "; ", test.data, test.what, test.mean,
                         test.holm, test.differences.size());
  }
  const std::string verdict = !complete ? "inconclusive" : all_below ? "reproduced" : any_excluded ? "not reproduced" : "inconclusive";
  return study_verdict(claim, verdict, found.empty() ? "cells are missing" : found);
}

Json selection_verdicts(const SelectionDesign& design, const SelectionResults& results, const std::vector<PrimaryTest>& tests) {
  Json verdicts = Json::array();
  verdicts.push_back(gain_verdict("Selection by activity beats uniform selection, with all data at once and with data over time", tests,
                                  {"static", "continual"}));
  verdicts.push_back(gain_verdict("The gain is larger with data over time", tests, {"interaction"}));
  for (const SelectionData& data : design.data) {
    if (data.exponent != 0) continue;
    std::string found;
    bool complete = true, none = true;
    for (const std::string& setting : kSelectionSettings) {
      const auto gaps = results.gaps(data, setting, "activity", "round");
      const auto ci = gaps.empty() ? std::nullopt : stats::mean_interval(seed_values(gaps)).ci;
      complete = complete && ci;
      none = none && ci && ci->low <= 0 && ci->high >= 0;
      found += fmt::format("{}{} {}: {}", found.empty() ? "" : "; ", data.name, setting, mean_with_interval(gaps, 4));
    }
    verdicts.push_back(study_verdict("Control: with devices alike there is no gain",
                                     !complete ? "inconclusive" : none ? "reproduced" : "not reproduced", found));
  }
  verdicts.push_back(study_verdict("The published figures", "not testable",
                                   "the rule by which the paper turns activity into chances, its tables and its language-understanding system are "
                                   "not public; thousands of devices are simulated only"));
  return verdicts;
}

}  // namespace

Json analyse_selection(StudyPreset preset, const StudyResults& finished) {
  const SelectionDesign design = selection_design(preset);
  const SelectionResults results(design, finished);
  Json numbers = Json::array(), figures = Json::array();
  const auto tests = primary_tests(design, results);
  Json tables = Json::array({primary_table(tests, numbers), budget_table(design, results, numbers), price_table(design, results, numbers),
                             privacy_price(numbers)});
  for (const SelectionData& data : design.data) {
    for (const std::string& setting : kSelectionSettings) figures.push_back(curve_figure(design, results, data, setting));
  }
  return {{"tables", tables},
          {"verdicts", selection_verdicts(design, results, tests)},
          {"results", numbers},
          {"pictures", figures},
          {"caveats",
           {"Exponent 0 is the control: all devices hold equally many lines, so that their chances are alike and the same seed draws the same cohorts.",
            "Continual: five periods of equal numbers of rounds; a device holds what came in the present one and nothing else, and activity "
            "counts that. On the corpus a device's lines come in the order of time; on the plays in the order of the acts.",
            "The test data are of all periods, so that forgetting counts.",
            "The plays' model is a small GPT of characters, one layer: the program has no recurrent language model.",
            "Rates and batch sizes were fixed beforehand, the same for all arms; none was tuned on these data.",
            "DivFL goes by gradients as sketches of 64 numbers. On the corpus they are fresh ones of all devices: sending every device the model "
            "for that is counted in its bytes, computing them is in none of the budgets. On the plays they are those last seen of each "
            "device, and half of a cohort are devices never seen, while there are any.",
            "Outcome per round is the published one; per example it asks whether the same work is better used."}}};
}

}  // namespace discreet::app
