// S6: do metrics of the language model predict metrics of the task that is trained from it?
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/internal/metrics_models.h"
#include "discreet/app/study.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/correlation.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/dependent_correlations.h"
#include "discreet/stats/reliability.h"

namespace discreet {
namespace app {
namespace {

constexpr double kEquivalenceBound = .3;  // what |r| may be called none
constexpr double kLeastReliability = .5;  // below it a metric gives no verdict on correlations
constexpr std::size_t kLeastModels = 30;  // below it no verdict on the absence of one is possible

struct MetricsDesign {
  std::vector<double> skews;  // of both stages: upstream times downstream
  int seeds;
  std::int64_t upstream_lines, upstream_epochs, lines, epochs, test;
};

MetricsDesign metrics_design(StudyPreset preset) {
  if (preset == StudyPreset::kQuick) return {{.2, .5, .8}, 3, 600, 3, 600, 5, 800};
  return {{.1, .3, .5, .7, .9}, 3, 1000, 2, 700, 3, 1000};
}

struct StudiedMetric {
  const char *name, *family, *matches;
  double neutral = 0;
  double sign = 1;  // -1: less is more bias along the lean

  bool extrinsic() const { return std::string(family) == "extrinsic"; }
  /// One value for each model, not one for each language model.
  bool of_model() const { return std::string(family) != "intrinsic"; }
};

/// What is aligned with the task: the same professions, gender, the same data's language.
constexpr StudiedMetric kMetrics[] = {
    {"ilps, task's professions", "intrinsic", "aligned"},
    {"seat, task's professions", "intrinsic", "aligned"},
    {"ceat, task's professions", "intrinsic", "aligned"},
    {"ilps, other professions", "intrinsic", "misaligned: word list"},
    {"seat, names and career", "intrinsic", "misaligned: word list, notion"},
    {"stereoset, gender", "intrinsic", "misaligned: data", 50},
    {"stereoset, race", "intrinsic", "misaligned: group", 50},
    {"crows-pairs, gender", "intrinsic", "misaligned: data", 50},
    {"ilps, task's professions, after", "intrinsic, after", "aligned"},
    {"seat, task's professions, after", "intrinsic, after", "aligned"},
    {"ceat, task's professions, after", "intrinsic, after", "aligned"},
    {"tpr gap along the lean", "extrinsic", ""},
    {"tpr gap, root mean square", "extrinsic", ""},
    {"equalised odds, leaning professions", "extrinsic", ""},
    {"bpsn auc, women", "extrinsic", "", 1, -1},
    {"bnsp auc, women", "extrinsic", "", 1},
    {"counterfactual gap", "extrinsic", ""},
    {"counterfactual flip rate", "extrinsic", ""},
};

std::string metrics_cell(double upstream, int seed) { return fmt::format("upstream{:g}-seed{}", 100 * upstream, seed); }

std::vector<StudyCell> metrics_cells(StudyPreset preset) {
  const MetricsDesign design = metrics_design(preset);
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= design.seeds; ++seed) {
    for (const double upstream : design.skews) {
      cells.push_back({metrics_cell(upstream, seed),
                       {{"base", metrics_base()},
                        {"upstream", upstream},
                        {"downstream", design.skews},
                        {"upstream_lines", design.upstream_lines},
                        {"upstream_epochs", design.upstream_epochs},
                        {"lines", design.lines},
                        {"epochs", design.epochs},
                        {"test", design.test},
                        {"seed", seed}}});
    }
  }
  return cells;
}

// ---- what the cells say ----

/// One model: a classifier with the language model that it began from.
struct StudiedModel {
  std::size_t upstream, downstream;  // levels
  int seed;
  std::map<std::string, double> values;
};

using StudiedModels = std::vector<StudiedModel>;

/// Seeds whose whole factorial is there, from the first on: what is analysed, so that it stays balanced.
int whole_seeds(const MetricsDesign& design, const StudyResults& finished) {
  for (int seed = 1; seed <= design.seeds; ++seed) {
    for (const double upstream : design.skews) {
      if (!finished.contains(metrics_cell(upstream, seed))) return seed - 1;
    }
  }
  return design.seeds;
}

StudiedModels models_of(const MetricsDesign& design, const StudyResults& finished) {
  StudiedModels models;
  for (std::size_t u = 0; u < design.skews.size(); ++u) {
    for (int seed = 1; seed <= design.seeds; ++seed) {
      const auto cell = finished.find(metrics_cell(design.skews[u], seed));
      if (cell == finished.end()) continue;
      const Json& tasks = cell->second["tasks"];
      for (std::size_t d = 0; d < tasks.size() && d < design.skews.size(); ++d) {
        StudiedModel model{u, d, seed, {}};
        for (const StudiedMetric& metric : kMetrics) {
          const Json& from = metric.of_model() ? tasks[d] : cell->second["intrinsic"];
          if (!from.contains(metric.name) || !from[metric.name].is_number()) continue;
          // A benchmark's 50 is unbiased: its sign towards the stereotype stays.
          model.values[metric.name] = metric.sign * (from[metric.name].get<double>() - metric.neutral);
        }
        models.push_back(std::move(model));
      }
    }
  }
  return models;
}

std::vector<double> column(const StudiedModels& models, const char* metric) {
  std::vector<double> values;
  for (const StudiedModel& model : models) {
    const auto found = model.values.find(metric);
    if (found == model.values.end()) return {};
    values.push_back(found->second);
  }
  return values;
}

/// What is left of `values` when each downstream level's mean is taken away.
std::vector<double> within_downstream(const StudiedModels& models, std::vector<double> values) {
  std::map<std::size_t, std::pair<double, double>> sums;
  for (std::size_t i = 0; i < models.size(); ++i) {
    auto& [sum, n] = sums[models[i].downstream];
    sum += values[i];
    n += 1;
  }
  for (std::size_t i = 0; i < models.size(); ++i) values[i] -= sums[models[i].downstream].first / sums[models[i].downstream].second;
  return values;
}

/// One value for every level and seed, in the order [first][…][seed]; empty unless all are there.
std::vector<double> laid_out(const MetricsDesign& design, const StudiedModels& models, const char* metric, bool both) {
  const std::size_t levels = design.skews.size(), seeds = static_cast<std::size_t>(design.seeds);
  std::vector<double> values((both ? levels * levels : levels) * seeds, std::nan(""));
  for (const StudiedModel& model : models) {
    const auto found = model.values.find(metric);
    if (found == model.values.end()) continue;
    const std::size_t cell = both ? model.upstream * levels + model.downstream : model.upstream;
    values[cell * seeds + static_cast<std::size_t>(model.seed - 1)] = found->second;
  }
  for (const double value : values) {
    if (std::isnan(value)) return {};
  }
  return values;
}

struct Reliability {
  std::optional<stats::IntraclassCorrelation> icc;
  std::optional<stats::VarianceComponents> components;
  std::optional<stats::Interval> down_less_up;  // of both components' difference, as shares of the total
};

/// Repeats are resampled within each setting.
std::optional<stats::Interval> component_interval(const std::vector<double>& values, std::size_t levels, std::size_t seeds) {
  core::ReproducibleRng rng(11, "components");
  std::vector<double> differences;
  for (int resample = 0; resample < 1000; ++resample) {
    std::vector<double> drawn(values.size());
    for (std::size_t cell = 0; cell < levels * levels; ++cell) {
      for (std::size_t s = 0; s < seeds; ++s) drawn[cell * seeds + s] = values[cell * seeds + rng.below(seeds)];
    }
    const auto found = stats::variance_components(drawn, levels, levels, seeds);
    if (found && found->total() > 0) differences.push_back((found->b - found->a) / found->total());
  }
  if (differences.size() < 500) return std::nullopt;
  std::sort(differences.begin(), differences.end());
  return stats::Interval{stats::sorted_quantile(differences, .025), stats::sorted_quantile(differences, .975)};
}

Reliability reliability_of(const MetricsDesign& design, const StudiedModels& models, const StudiedMetric& metric) {
  const bool both = metric.of_model();
  const std::size_t levels = design.skews.size(), seeds = static_cast<std::size_t>(design.seeds);
  const std::vector<double> values = laid_out(design, models, metric.name, both);
  Reliability found;
  if (values.empty()) return found;
  found.icc = stats::intraclass_correlation(values, values.size() / seeds, seeds);
  if (!both) return found;
  found.components = stats::variance_components(values, levels, levels, seeds);
  found.down_less_up = component_interval(values, levels, seeds);
  return found;
}

struct MetricPair {
  const StudiedMetric *x, *y;
  std::size_t n = 0;
  double r = 0, p = 1;
  double holm = 1;  // p, corrected over all pairs of the study
  std::vector<double> within_x, within_y;  // downstream means taken away
  std::optional<stats::Interval> ci, corrected_ci;
  std::optional<double> corrected;
  std::optional<stats::EquivalenceTest> equivalence;
  bool reliable = false;
};

/// Settings (an upstream and a downstream level) are resampled with all their seeds; `statistic` gets the
/// models that were drawn, setting by setting.
template <typename Statistic>
std::optional<stats::Interval> interval_over_settings(const StudiedModels& models, const Statistic& statistic) {
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> settings;
  for (std::size_t i = 0; i < models.size(); ++i) settings[{models[i].upstream, models[i].downstream}].push_back(i);
  std::vector<std::vector<std::size_t>> members;
  for (const auto& [setting, indices] : settings) members.push_back(indices);
  const std::vector<stats::Stratum> strata = {stats::whole_sample(members.size())};
  return stats::bootstrap(
             strata,
             [&](std::span<const std::uint32_t> drawn) {
               std::vector<std::size_t> taken;
               for (const std::uint32_t setting : drawn) taken.insert(taken.end(), members[setting].begin(), members[setting].end());
               return statistic(taken);
             },
             {.resamples = 2000, .seed = 13})
      .ci;
}

/// Pearson's r alone: resamples need neither ranks nor tests.
std::optional<double> plain_r(const std::vector<double>& x, const std::vector<double>& y, const std::vector<std::size_t>& taken) {
  double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  for (const std::size_t i : taken) {
    mean_x += x[i];
    mean_y += y[i];
  }
  mean_x /= static_cast<double>(taken.size());
  mean_y /= static_cast<double>(taken.size());
  for (const std::size_t i : taken) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  if (xx <= 0 || yy <= 0) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

std::vector<double> taken_of(const std::vector<double>& values, const std::vector<std::size_t>& taken) {
  std::vector<double> some;
  for (const std::size_t i : taken) some.push_back(values[i]);
  return some;
}

std::optional<MetricPair> correlate_pair(const MetricsDesign& design, const StudiedModels& models, const StudiedMetric& x,
                                         const StudiedMetric& y, const std::map<std::string, Reliability>& reliability) {
  const std::vector<double> all_x = column(models, x.name), all_y = column(models, y.name);
  if (all_x.empty() || all_y.empty()) return std::nullopt;
  const std::vector<double> a = within_downstream(models, all_x), b = within_downstream(models, all_y);
  const stats::Correlation found = stats::correlate(a, b);
  if (!found.pearson) return std::nullopt;
  MetricPair pair{.x = &x, .y = &y, .n = models.size(), .r = *found.pearson, .p = *found.pearson_p};
  pair.within_x = a;
  pair.within_y = b;
  pair.ci = interval_over_settings(models, [&](const auto& taken) { return plain_r(a, b, taken); });
  const std::size_t fixed = design.skews.size() - 1;  // means that were taken away
  if (models.size() > fixed) pair.equivalence = stats::equivalence_of_correlation(pair.r, models.size() - fixed, kEquivalenceBound);
  const auto &rel_x = reliability.at(x.name).icc, &rel_y = reliability.at(y.name).icc;
  if (rel_x && rel_y) {
    pair.corrected = stats::disattenuated(pair.r, rel_x->single, rel_y->single);
    const auto seeds = static_cast<std::size_t>(design.seeds);
    const auto corrected = [&](const std::vector<std::size_t>& taken) -> std::optional<double> {
      const auto r = plain_r(a, b, taken);
      const auto icc_x = stats::intraclass_correlation(taken_of(all_x, taken), taken.size() / seeds, seeds);
      const auto icc_y = stats::intraclass_correlation(taken_of(all_y, taken), taken.size() / seeds, seeds);
      if (!r || !icc_x || !icc_y) return std::nullopt;
      return stats::disattenuated(*r, icc_x->single, icc_y->single);
    };
    if (pair.corrected) pair.corrected_ci = interval_over_settings(models, corrected);
    pair.reliable = rel_x->single >= kLeastReliability && rel_y->single >= kLeastReliability;
  }
  return pair;
}

std::string pair_verdict(const MetricPair& pair) {
  if (!pair.reliable) return "none: a reliability below .5";
  if (pair.n < kLeastModels) return fmt::format("none: {} models", pair.n);
  if (pair.holm < .05) return "correlated";  // in the order of `fairness correlate`
  return pair.equivalence && pair.equivalence->p_value < .05 ? "no correlation (within .3)" : "undecided";
}

std::string show_ci(const std::optional<stats::Interval>& ci) {
  return ci ? fmt::format(" [{:.2f}, {:.2f}]", ci->low, ci->high) : "";
}

Json alignment_verdict(const std::vector<MetricPair>& pairs) {
  const char* claim = "Metrics of the language model and of the task do not correlate, even where both are aligned (downstream skew held fixed)";
  std::size_t aligned = 0, judged = 0, none = 0, correlated = 0;
  const MetricPair* strongest = nullptr;
  for (const MetricPair& pair : pairs) {
    if (std::string(pair.x->matches) != "aligned") continue;
    ++aligned;
    const std::string verdict = pair_verdict(pair);
    judged += verdict == "correlated" || verdict.starts_with("no correlation") || verdict == "undecided";
    none += verdict.starts_with("no correlation");
    correlated += verdict == "correlated";
    if (strongest == nullptr || std::abs(pair.r) > std::abs(strongest->r)) strongest = &pair;
  }
  if (aligned == 0) return study_verdict(claim, "inconclusive", "no aligned pair was measured");
  const std::string why = fmt::format(
      "{} of {} aligned pairs can be judged: {} have no correlation (within .3), {} one that survives Holm's correction; the strongest, {} and {}: r {:.2f}{}",
      judged, aligned, none, correlated, strongest->x->name, strongest->y->name, strongest->r, show_ci(strongest->ci));
  if (judged == 0) return study_verdict(claim, "inconclusive", why);
  return study_verdict(claim, correlated > 0 ? "not reproduced" : none == aligned ? "reproduced" : "inconclusive", why);
}

/// Mean |r| of aligned pairs less that of misaligned ones, both of language models before fine-tuning.
Json gain_verdict(const StudiedModels& models, const std::vector<MetricPair>& pairs) {
  const char* claim = "Where word lists, groups and data are misaligned, metrics correlate less: misalignment explains a part of it";
  const auto gain = [&](const std::vector<std::size_t>& taken) -> std::optional<double> {
    double sums[2] = {0, 0}, counts[2] = {0, 0};
    for (const MetricPair& pair : pairs) {
      if (std::string(pair.x->family) != "intrinsic") continue;
      const auto r = plain_r(pair.within_x, pair.within_y, taken);
      if (!r) return std::nullopt;
      const int aligned = std::string(pair.x->matches) == "aligned" ? 1 : 0;
      sums[aligned] += std::abs(*r);
      counts[aligned] += 1;
    }
    if (counts[0] == 0 || counts[1] == 0) return std::nullopt;
    return sums[1] / counts[1] - sums[0] / counts[0];
  };
  std::vector<std::size_t> all(models.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const auto found = gain(all);
  if (!found) return study_verdict(claim, "inconclusive", "aligned and misaligned pairs were not both measured");
  const auto ci = interval_over_settings(models, gain);
  const std::string why = fmt::format("mean |r| of aligned pairs less that of misaligned ones {:.2f}{}; {} models", *found, show_ci(ci), models.size());
  if (models.size() < kLeastModels || !ci) return study_verdict(claim, "inconclusive", why);
  return study_verdict(claim, ci->low > 0 ? "reproduced" : ci->high < 0 ? "not reproduced" : "inconclusive", why);
}

Json components_verdict(const std::map<std::string, Reliability>& reliability) {
  const char* claim = "The task's own data explain more of its fairness than the language model does";
  std::size_t above = 0, below = 0, all = 0;
  std::string why;
  for (const StudiedMetric& metric : kMetrics) {
    const Reliability& found = reliability.at(metric.name);
    if (!metric.extrinsic() || !found.components || !found.down_less_up) continue;
    ++all;
    above += found.down_less_up->low > 0;
    below += found.down_less_up->high < 0;
    why += fmt::format("{}{}: difference of shares{}", why.empty() ? "" : "; ", metric.name, show_ci(found.down_less_up));
  }
  if (all == 0) return study_verdict(claim, "inconclusive", "not all models are there");
  return study_verdict(claim, above == all ? "reproduced" : below > 0 ? "not reproduced" : "inconclusive", why);
}

std::vector<std::vector<std::string>> reliability_rows(const std::map<std::string, Reliability>& reliability) {
  std::vector<std::vector<std::string>> rows;
  for (const StudiedMetric& metric : kMetrics) {
    const Reliability& found = reliability.at(metric.name);
    std::vector<std::string> row = {metric.name, metric.family, metric.matches};
    row.push_back(found.icc ? fmt::format("{:.2f}{}", found.icc->single, show_ci(found.icc->ci)) : "not measured");
    if (found.components && found.components->total() > 0) {
      const double total = found.components->total();
      for (const double part : {found.components->a, found.components->b, found.components->interaction, found.components->repeats}) {
        row.push_back(fmt::format("{:.0f} %", 100 * part / total));
      }
      row.push_back(show_ci(found.down_less_up));
    } else {
      row.insert(row.end(), 5, "");
    }
    rows.push_back(row);
  }
  return rows;
}

std::vector<std::vector<std::string>> mean_rows(const MetricsDesign& design, const StudiedModels& models) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t u = 0; u < design.skews.size(); ++u) {
    for (std::size_t d = 0; d < design.skews.size(); ++d) {
      std::vector<std::string> row = {fmt::format("{:g}", design.skews[u]), fmt::format("{:g}", design.skews[d])};
      bool any = false;
      for (const StudiedMetric& metric : kMetrics) {
        std::vector<double> values;
        for (const StudiedModel& model : models) {
          if (model.upstream != u || model.downstream != d || !model.values.contains(metric.name)) continue;
          values.push_back(model.values.at(metric.name));
        }
        any = any || !values.empty();
        row.push_back(values.empty() ? "-" : fmt::format("{:.3f}", stats::mean_interval(values).mean));
      }
      if (any) rows.push_back(row);
    }
  }
  return rows;
}

Json analyse_metrics(StudyPreset preset, const StudyResults& finished) {
  MetricsDesign design = metrics_design(preset);
  const int planned = design.seeds;
  // With less than one whole seed, means are all that can be said.
  const int whole = whole_seeds(design, finished);
  if (whole > 0) design.seeds = whole;
  const StudiedModels models = models_of(design, finished);
  std::map<std::string, Reliability> reliability;
  for (const StudiedMetric& metric : kMetrics) reliability[metric.name] = reliability_of(design, models, metric);
  std::vector<MetricPair> pairs;
  for (const StudiedMetric& x : kMetrics) {
    if (x.extrinsic()) continue;
    for (const StudiedMetric& y : kMetrics) {
      if (!y.extrinsic() || models.size() < 4) continue;
      if (auto pair = correlate_pair(design, models, x, y, reliability)) pairs.push_back(*pair);
    }
  }
  std::vector<double> p_values;
  for (const MetricPair& pair : pairs) p_values.push_back(pair.p);
  const std::vector<double> holm = stats::holm(p_values);
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i].holm = holm[i];
  std::vector<std::vector<std::string>> rows;
  Json results = Json::array();
  for (const MetricPair& pair : pairs) {
    rows.push_back({pair.x->name, pair.y->name, pair.x->matches, fmt::format("{:.2f}{}", pair.r, show_ci(pair.ci)),
                    pair.corrected ? fmt::format("{:.2f}{}", *pair.corrected, show_ci(pair.corrected_ci)) : "-", fmt::format("{:.3g}", pair.holm),
                    pair.equivalence ? fmt::format("{:.3g}", pair.equivalence->p_value) : "-", pair_verdict(pair)});
    results.push_back({{"x", pair.x->name}, {"y", pair.y->name}, {"r", pair.r}, {"n", pair.n}});
  }
  std::vector<std::string> mean_header = {"upstream", "downstream"};
  for (const StudiedMetric& metric : kMetrics) mean_header.push_back(metric.name);
  const std::size_t n = models.size(), fixed = design.skews.size() - 1;
  std::string power = "too few models";
  if (n > fixed + 4) {
    const double most = stats::equivalence_of_correlation(0, n - fixed, kEquivalenceBound)->smallest_r;
    power = most > 0 ? fmt::format("no correlation can be shown where |r| is below {:.3f}", most) : "no r, not even 0, could show that there is no correlation";
  }
  const Json tables = {
      study_table("Metrics: reliability over seeds, and what their variance comes from",
                  {"metric", "family", "alignment with the task", "reliability (ICC)", "upstream", "downstream", "interaction", "seed", "downstream less upstream"},
                  reliability_rows(reliability),
                  "ICC(1,1) with its interval by F. Shares of the variance of the metric over all models; the difference with a 95 % interval, "
                  "repeats resampled within settings."),
      study_table("Correlations of the language model's metrics with the task's, downstream skew held fixed",
                  {"intrinsic", "extrinsic", "alignment", "r", "corrected for reliability", "p (Holm)", "p of |r| < .3", "verdict"}, rows,
                  fmt::format("{} models; intervals by bootstrap over settings with their seeds. With so many, {}. Models of a setting, and those of "
                              "one language model, are not independent: all of this is optimistic.", n, power)),
      study_table("Means by skew", mean_header, mean_rows(design, models),
                  "Skews are chances that a person's gender agrees with the profession's lean: .5 is none, below it against. Larger is more bias "
                  "along the lean: benchmarks less 50, 1 less BPSN AUC, BNSP AUC less 1.")};
  const Json verdicts = {
      alignment_verdict(pairs), gain_verdict(models, pairs), components_verdict(reliability),
      study_verdict("The 19 published models and their correlations", "not testable", "other models, data and training; one family of models says nothing of others")};
  Json caveats = {
      "One family of models (BERT, 2 layers, 128 wide), one kind of bias, planted: planted skew makes a correlation easier to find than to exclude.",
      "Gender only, and the corpus's own leans of professions, which say nothing about people.",
      "What is measured of classifiers is measured on texts in which both genders are equally many in every profession.",
      "Metrics after fine-tuning read the classifier's layers, ILPS through the language model's own head as it was before.",
      "Equalised odds, BPSN and BNSP AUC take the professions that lean to women together against the others."};
  if (whole < planned) caveats.push_back(fmt::format("{} of {} seeds are finished; what is analysed is whole in each of them.", whole, planned));
  return {{"tables", tables}, {"verdicts", verdicts}, {"results", results}, {"caveats", caveats}};
}

Study make_metrics_study() {
  return {.title = "Intrinsic against extrinsic fairness metrics",
          .question = "Do metrics of a language model predict metrics of the task that is trained from it, at all once both are aligned, and less "
                      "than the task's own data do? Upstream skew by downstream skew, planted.",
          .cells = metrics_cells,
          .measure = measure_metrics_models,
          .analyse = analyse_metrics};
}

}  // namespace
}  // namespace app

void register_study_fairness_metrics(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "fairness-metrics",
                .summary = "Metrics of a language model against those of its task, by planted skew of both",
                .make = app::MakeStudy(&app::make_metrics_study)});
}

}  // namespace discreet
