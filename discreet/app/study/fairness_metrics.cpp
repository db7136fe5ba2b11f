// S6: do metrics of the language model predict metrics of the task that is trained from it?
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/files.h"
#include "discreet/core/lines.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/correlation.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/dependent_correlations.h"
#include "discreet/stats/reliability.h"
#include "discreet/text/biographies.h"

namespace discreet {
namespace app {
namespace {

constexpr double kEquivalenceBound = .3;  // what |r| may be called none
constexpr double kLeastReliability = .5;  // below it a metric gives no verdict on correlations
constexpr int kBenchmarkItems = 255;      // of a kind: as many as StereoSet has on gender
constexpr std::size_t kLeastModels = 30;  // below it no verdict on the absence of one is possible

struct MetricsDesign {
  std::vector<double> skews;  // of both stages: upstream times downstream
  int seeds;
  std::int64_t upstream_lines, upstream_epochs, lines, epochs, test;
};

MetricsDesign metrics_design(StudyPreset preset) {
  if (preset == StudyPreset::kQuick) return {{.2, .5, .8}, 3, 600, 3, 600, 5, 800};
  return {{.1, .3, .5, .7, .9}, 3, 2000, 4, 2000, 5, 2000};
}

struct StudiedMetric {
  const char *name, *family, *matches, *neutral;
};

/// What is aligned with the task: the same professions, gender, the same data's language.
constexpr StudiedMetric kMetrics[] = {
    {"ilps, task's professions", "intrinsic", "aligned", "0"},
    {"seat, task's professions", "intrinsic", "aligned", "0"},
    {"ilps, other professions", "intrinsic", "misaligned: word list", "0"},
    {"seat, names and career", "intrinsic", "misaligned: word list, notion", "0"},
    {"stereoset, gender", "intrinsic", "misaligned: data", "50"},
    {"stereoset, race", "intrinsic", "misaligned: group", "50"},
    {"crows-pairs, gender", "intrinsic", "misaligned: data", "50"},
    {"tpr gap along the lean", "extrinsic", "", "0"},
    {"tpr gap, root mean square", "extrinsic", "", "0"},
    {"counterfactual gap", "extrinsic", "", "0"},
    {"counterfactual flip rate", "extrinsic", "", "0"},
};

std::string metrics_cell(double upstream, int seed) { return fmt::format("upstream{:g}-seed{}", 100 * upstream, seed); }

std::vector<StudyCell> metrics_cells(StudyPreset preset) {
  const MetricsDesign design = metrics_design(preset);
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= design.seeds; ++seed) {
    for (const double upstream : design.skews) {
      cells.push_back({metrics_cell(upstream, seed),
                       {{"upstream", upstream},
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

/// A file of a data set that was fetched, else empty.
std::filesystem::path known_file(const char* source) {
  const std::filesystem::path path = data_cache() / source;
  return std::filesystem::exists(path) ? path : std::filesystem::path();
}

// ---- one cell: a language model, and a classifier from it for each downstream skew ----

class MetricsCell {
 public:
  MetricsCell(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context)
      : request_(request), scratch_(scratch), context_(context) {}

  Json measure() {
    write_lists();
    const std::string language = train_language();
    Json result = {{"intrinsic", intrinsic(language)}, {"tasks", Json::array()}};
    for (const double skew : request_["downstream"].get<std::vector<double>>()) {
      result["tasks"].push_back(task(language, skew));
    }
    return result;
  }

 private:
  std::string file(const char* name) const { return (scratch_ / name).string(); }

  std::string spec(const char* split, std::int64_t lines, double skew, bool title) const {
    return fmt::format("biographies:split={},lines={},seed={},skew={:g},title={},ambiguity=0.1", split, lines,
                       request_["seed"].get<int>(), skew, title);
  }

  /// Templates and word lists of the task's professions, and of others that the texts never name.
  void write_lists() const {
    std::string own, other;
    const auto line = [](const std::string& profession, const std::string& group) {
      return Json{{"template", "[TARGET] is a [ATTRIBUTE]."}, {"attributes", {profession}}, {"targets", {{"she"}, {"he"}}},
                  {"bias_type", "gender"}, {"group", group}}.dump() + "\n";
    };
    std::vector<std::string> female, male;
    for (const auto& profession : text::biography_professions()) {
      own += line(profession.name, profession.leans_female ? "female" : "male");
      (profession.leans_female ? female : male).push_back(profession.name);
    }
    for (const char* profession : {"secretary", "housekeeper", "nanny", "maid", "cashier", "baker"}) other += line(profession, "female");
    for (const char* profession : {"soldier", "mechanic", "farmer", "sheriff", "butcher", "driver"}) other += line(profession, "male");
    core::write_file_atomically(scratch_ / "own.jsonl", own);
    core::write_file_atomically(scratch_ / "other.jsonl", other);
    const Json lists = {{"female_jobs", female},
                        {"male_jobs", male},
                        {"female_terms", {"she", "her", "woman", "sister", "mother", "girl", "daughter", "female"}},
                        {"male_terms", {"he", "his", "man", "brother", "father", "boy", "son", "male"}}};
    core::write_file_atomically(scratch_ / "lists.json", lists.dump());
  }

  std::string train_language() {
    const std::string run = file("language");
    const std::vector<std::string> set = {
        "task=masked-lm", "model.kind=pretrained", "model.path=models/bert_tiny_mlm", "data.tokenizer=subword",
        "data.max_length=64", "data.mask_rate=0.3", "data.whole_words=true",
        "data.train=" + spec("train", request_["upstream_lines"], request_["upstream"], true),
        "data.test=" + spec("test", 200, request_["upstream"], true),
        fmt::format("train.epochs={}", request_["upstream_epochs"].get<int>()), "train.batch_size=32",
        "train.learning_rate=1e-3", "train.optimizer=adamw", "train.threads=1",
        fmt::format("run.seed={}", request_["seed"].get<int>())};
    call_operation("train", {{"set", set}, {"run", run}, {"force", true}}, context_);
    // What a pretrained model begins from is a folder of the Hugging Face layout.
    call_operation("model-export", {{"run", run}, {"out", file("exported")}}, context_);
    return file("exported");
  }

  Json likelihood(const std::string& model, const char* benchmark, const std::string& data) {
    return call_operation("fairness-likelihood", {{"model", model}, {"benchmark", benchmark}, {"data", data}, {"out", file("found.json")}},
                          context_);
  }

  /// Mean of the professions that lean to women less mean of the others: the skew as the model has it.
  double template_skew(const std::string& model, const char* list) {
    std::map<std::string, double> means;
    const Json found = likelihood(model, "ilps", file(list));
    for (const Json& result : found["results"]) {
      if (result["split"] == "all" && result.contains("group") && result["lpbs"].is_number()) {
        means[result["group"].get<std::string>()] = result["lpbs"].get<double>();
      }
    }
    return means.at("female") - means.at("male");
  }

  void put_association(const std::string& model, const char* name, Json request, Json& into) {
    request["model"] = model;
    request["out"] = file("found.json");
    const Json found = call_operation("fairness-association", request, context_);
    for (const Json& result : found["results"]) {
      if (result.contains("effect_size") && result["effect_size"].is_number()) into[name] = result["effect_size"];
    }
  }

  /// Intrasentence items of gender, and as many of race: other parts say nothing here.
  void write_stereoset(const std::filesystem::path& whole) const {
    core::LineReader lines(whole);
    std::map<std::string, int> taken;
    std::string kept;
    for (std::string line; lines.next(line);) {
      const Json item = core::parse_json(line, lines.where());
      const std::string type = item.value("bias_type", "");
      if (item.value("type", "") != "intrasentence" || (type != "gender" && type != "race")) continue;
      if (++taken[type] <= kBenchmarkItems) kept += line + "\n";
    }
    core::write_file_atomically(scratch_ / "stereoset.jsonl", kept);
  }

  void put_benchmarks(const std::string& model, Json& into) {
    if (const auto path = known_file("stereoset/stereoset_dev_en.jsonl"); !path.empty()) {
      write_stereoset(path);
      const Json stereoset = likelihood(model, "stereoset", file("stereoset.jsonl"));
      for (const Json& result : stereoset.at("results")) {
        if (result.value("split", "") != "intrasentence" || !result.contains("ss") || !result["ss"].is_number()) continue;
        if (result["bias_type"] == "gender") into["stereoset, gender"] = result["ss"];
        if (result["bias_type"] == "race") into["stereoset, race"] = result["ss"];
      }
    }
    if (const auto path = known_file("crows_pairs/crows_pairs_anonymized.csv"); !path.empty()) {
      const Json pairs = likelihood(model, "crows-pairs", path.string());
      for (const Json& result : pairs.at("results")) {
        if (result["bias_type"] == "gender" && result.contains("score") && result["score"].is_number()) {
          into["crows-pairs, gender"] = result["score"];
        }
      }
    }
  }

  Json intrinsic(const std::string& model) {
    Json found = {{"ilps, task's professions", template_skew(model, "own.jsonl")},
                  {"ilps, other professions", template_skew(model, "other.jsonl")}};
    put_association(model, "seat, task's professions",
                    {{"word_lists", file("lists.json")}, {"targets", {"female_jobs", "male_jobs"}}, {"attributes", {"female_terms", "male_terms"}}, {"templates", true}},
                    found);
    put_association(model, "seat, names and career", {{"tests", {"weat6"}}}, found);
    put_benchmarks(model, found);
    return found;
  }

  Json task(const std::string& model, double skew) {
    const std::string run = file("task");
    const std::vector<std::string> set = {
        "task=text-classification", "model.kind=pretrained", "model.path=" + model, "data.tokenizer=subword",
        "data.max_length=64", "data.train=" + spec("train", request_["lines"], skew, false),
        // Both genders are equally many in every profession where the gaps are measured.
        "data.test=" + spec("test", request_["test"], .5, false),
        fmt::format("train.epochs={}", request_["epochs"].get<int>()), "train.batch_size=32", "train.learning_rate=1e-3",
        "train.optimizer=adamw", "train.threads=1", fmt::format("run.seed={}", request_["seed"].get<int>())};
    const Json trained = call_operation("train", {{"set", set}, {"run", run}, {"force", true}}, context_);
    const Json groups = call_operation("run-groups", {{"run", run}, {"group", {"gender"}}, {"swap", "gender"}, {"resamples", 100},
                                                      {"permutations", 0}, {"out", file("found.json")}}, context_);
    Json result = {{"skew", skew}, {"accuracy", trained["metrics"]["accuracy"]}};
    std::map<std::string, std::map<std::string, double>> recall;  // gender, profession
    for (const Json& group : groups["by_group"]) {
      for (const auto& [profession, rate] : group["by_class"].items()) {
        if (rate["true_positive_rate"].is_number()) {
          recall[group["group"]["gender"].get<std::string>()][profession] = rate["true_positive_rate"].get<double>();
        }
      }
    }
    double along = 0, squares = 0, n = 0;
    for (const auto& profession : text::biography_professions()) {
      const double gap = recall["f"].at(profession.name) - recall["m"].at(profession.name);
      along += profession.leans_female ? gap : -gap;
      squares += gap * gap;
      ++n;
    }
    result["tpr gap along the lean"] = along / n;
    result["tpr gap, root mean square"] = std::sqrt(squares / n);
    for (const Json& found : groups["results"]) {
      if (found["metric"] == "counterfactual_token_fairness_gap") result["counterfactual gap"] = found["value"];
      if (found["metric"] == "counterfactual_flip_rate") result["counterfactual flip rate"] = found["value"];
    }
    return result;
  }

  const Json& request_;
  std::filesystem::path scratch_;
  core::OperationContext& context_;
};

Json measure_metrics(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context) {
  return MetricsCell(request, scratch, context).measure();
}

// ---- what the cells say ----

/// One model: a classifier with the language model that it began from.
struct StudiedModel {
  std::size_t upstream, downstream;  // levels
  int seed;
  std::map<std::string, double> values;
};

using StudiedModels = std::vector<StudiedModel>;

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
          const Json& from = std::string(metric.family) == "intrinsic" ? cell->second["intrinsic"] : tasks[d];
          if (!from.contains(metric.name) || !from[metric.name].is_number()) continue;
          const double value = from[metric.name].get<double>(), neutral = std::stod(metric.neutral);
          // A benchmark's 50 is unbiased: its sign towards the stereotype stays.
          model.values[metric.name] = value - neutral;
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
  const bool both = std::string(metric.family) == "extrinsic";
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
  std::optional<stats::Interval> ci;
  std::optional<double> corrected;
  std::optional<stats::EquivalenceTest> equivalence;
  bool reliable = false;
};

/// Settings (an upstream and a downstream level) are resampled with all their seeds.
std::optional<stats::Interval> interval_over_settings(const StudiedModels& models, const std::vector<double>& x,
                                                      const std::vector<double>& y) {
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::uint32_t>> settings;
  for (std::size_t i = 0; i < models.size(); ++i) {
    settings[{models[i].upstream, models[i].downstream}].push_back(static_cast<std::uint32_t>(i));
  }
  std::vector<std::vector<std::uint32_t>> members;
  for (const auto& [setting, indices] : settings) members.push_back(indices);
  const std::vector<stats::Stratum> strata = {stats::whole_sample(members.size())};
  return stats::bootstrap(
             strata,
             [&](std::span<const std::uint32_t> drawn) {
               std::vector<double> a, b;
               for (const std::uint32_t setting : drawn) {
                 for (const std::uint32_t i : members[setting]) {
                   a.push_back(x[i]);
                   b.push_back(y[i]);
                 }
               }
               return stats::correlate(a, b).pearson;
             },
             {.resamples = 2000, .seed = 13})
      .ci;
}

std::optional<MetricPair> correlate_pair(const MetricsDesign& design, const StudiedModels& models, const StudiedMetric& x,
                                         const StudiedMetric& y, const std::map<std::string, Reliability>& reliability) {
  const std::vector<double> all_x = column(models, x.name), all_y = column(models, y.name);
  if (all_x.empty() || all_y.empty()) return std::nullopt;
  const std::vector<double> a = within_downstream(models, all_x), b = within_downstream(models, all_y);
  const stats::Correlation found = stats::correlate(a, b);
  if (!found.pearson) return std::nullopt;
  MetricPair pair{.x = &x, .y = &y, .n = models.size(), .r = *found.pearson, .p = *found.pearson_p};
  pair.ci = interval_over_settings(models, a, b);
  const std::size_t fixed = design.skews.size() - 1;  // means that were taken away
  if (models.size() > fixed) pair.equivalence = stats::equivalence_of_correlation(pair.r, models.size() - fixed, kEquivalenceBound);
  const auto &rel_x = reliability.at(x.name).icc, &rel_y = reliability.at(y.name).icc;
  if (rel_x && rel_y) {
    pair.corrected = stats::disattenuated(pair.r, rel_x->single, rel_y->single);
    pair.reliable = rel_x->single >= kLeastReliability && rel_y->single >= kLeastReliability;
  }
  return pair;
}

std::string pair_verdict(const MetricPair& pair) {
  if (!pair.reliable) return "none: a reliability below .5";
  if (pair.n < kLeastModels) return fmt::format("none: {} models", pair.n);
  if (pair.equivalence && pair.equivalence->p_value < .05) return "no correlation (within .3)";
  return pair.p < .05 ? "correlated" : "undecided";
}

std::string show_ci(const std::optional<stats::Interval>& ci) {
  return ci ? fmt::format(" [{:.2f}, {:.2f}]", ci->low, ci->high) : "";
}

Json alignment_verdict(const std::vector<MetricPair>& pairs) {
  const char* claim = "Metrics of the language model and of the task do not correlate, even where both are aligned (downstream skew held fixed)";
  std::size_t aligned = 0, judged = 0, none = 0, correlated = 0;
  std::string why;
  for (const MetricPair& pair : pairs) {
    if (std::string(pair.x->matches) != "aligned") continue;
    ++aligned;
    const std::string verdict = pair_verdict(pair);
    judged += verdict == "correlated" || verdict.starts_with("no correlation") || verdict == "undecided";
    none += verdict.starts_with("no correlation");
    correlated += verdict == "correlated";
    why += fmt::format("{}{} and {}: r {:.2f}{}", why.empty() ? "" : "; ", pair.x->name, pair.y->name, pair.r, show_ci(pair.ci));
  }
  if (aligned == 0) return study_verdict(claim, "inconclusive", "no aligned pair was measured");
  why = fmt::format("{} of {} aligned pairs can be judged, {} equivalent to none, {} correlated. {}", judged, aligned, none, correlated, why);
  if (judged == 0) return study_verdict(claim, "inconclusive", why);
  return study_verdict(claim, correlated > 0 ? "not reproduced" : none == aligned ? "reproduced" : "inconclusive", why);
}

Json components_verdict(const std::map<std::string, Reliability>& reliability) {
  const char* claim = "The task's own data explain more of its fairness than the language model does";
  std::size_t above = 0, below = 0, all = 0;
  std::string why;
  for (const StudiedMetric& metric : kMetrics) {
    const Reliability& found = reliability.at(metric.name);
    if (!found.components || !found.down_less_up) continue;
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
  const MetricsDesign design = metrics_design(preset);
  const StudiedModels models = models_of(design, finished);
  std::map<std::string, Reliability> reliability;
  for (const StudiedMetric& metric : kMetrics) reliability[metric.name] = reliability_of(design, models, metric);
  std::vector<MetricPair> pairs;
  for (const StudiedMetric& x : kMetrics) {
    if (std::string(x.family) != "intrinsic") continue;
    for (const StudiedMetric& y : kMetrics) {
      if (std::string(y.family) != "extrinsic" || models.size() < 4) continue;
      if (auto pair = correlate_pair(design, models, x, y, reliability)) pairs.push_back(*pair);
    }
  }
  std::vector<double> p_values;
  for (const MetricPair& pair : pairs) p_values.push_back(pair.p);
  const std::vector<double> holm = stats::holm(p_values);
  std::vector<std::vector<std::string>> rows;
  Json results = Json::array();
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const MetricPair& pair = pairs[i];
    rows.push_back({pair.x->name, pair.y->name, pair.x->matches, fmt::format("{:.2f}{}", pair.r, show_ci(pair.ci)),
                    pair.corrected ? fmt::format("{:.2f}", *pair.corrected) : "-", fmt::format("{:.3g}", holm[i]),
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
                  "along the lean; benchmarks less 50.")};
  const Json verdicts = {
      alignment_verdict(pairs), components_verdict(reliability),
      study_verdict("The 19 published models and their correlations", "not testable", "other models, data and training; one family of models says nothing of others")};
  const Json caveats = {
      "One family of models (BERT, 2 layers, 128 wide), one kind of bias, planted: planted skew makes a correlation easier to find than to exclude.",
      "Gender only, and the corpus's own leans of professions, which say nothing about people.",
      "TPR gaps are measured on texts in which both genders are equally many in every profession."};
  return {{"tables", tables}, {"verdicts", verdicts}, {"results", results}, {"caveats", caveats}};
}

Study make_metrics_study() {
  return {.title = "Intrinsic against extrinsic fairness metrics",
          .question = "Do metrics of a language model predict metrics of the task that is trained from it, at all once both are aligned, and less "
                      "than the task's own data do? Upstream skew by downstream skew, planted.",
          .cells = metrics_cells,
          .measure = measure_metrics,
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
