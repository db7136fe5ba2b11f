// S7: does prediction sensitivity track unfairness better than the counterfactual gap?
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/files.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/mitigate/words/swapper.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/correlation.h"
#include "discreet/stats/dependent_correlations.h"
#include "discreet/stats/intervals.h"
#include "discreet/text/biographies.h"

namespace discreet {
namespace app {
namespace {

/// How the texts show the gender on which the labels depend.
struct SensitivityRoute {
  const char* name;
  double pronouns, proxies;  // chances of text/biographies.h
};

constexpr SensitivityRoute kRoutes[] = {{"words", 1, .5},    {"proxies", .5, .95},  {"both, strong", 1, .95},
                                        {"both, words stronger", 1, .75}, {"both, proxies stronger", .75, .95},
                                        {"both, weak", .75, .75}};

struct SensitivityDesign {
  std::vector<std::string> models;
  std::size_t routes;
  std::vector<double> biases;
  int seeds;
  std::int64_t lines, test;
};

SensitivityDesign sensitivity_design(StudyPreset preset) {
  if (preset == StudyPreset::kQuick) return {{"bow", "bilstm"}, 3, {.2, .4, .6}, 4, 1500, 400};
  return {{"bow", "bilstm", "pretrained"}, 6, {.1, .2, .3, .4, .5, .6, .7, .8}, 8, 3000, 1000};
}

constexpr double kNoises[] = {0, .5, 1};  // of the label, in its standard deviations
constexpr const char* kScores[] = {"protected", "list", "control", "uniform", "gap"};

std::string sensitivity_cell(const std::string& model, std::size_t route, int seed) {
  return fmt::format("{}-route{}-seed{}", model, route, seed);
}

std::vector<StudyCell> sensitivity_cells(StudyPreset preset) {
  const SensitivityDesign design = sensitivity_design(preset);
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= design.seeds; ++seed) {
    for (const std::string& model : design.models) {
      for (std::size_t route = 0; route < design.routes; ++route) {
        cells.push_back({sensitivity_cell(model, route, seed),
                         {{"model", model},
                          {"pronouns", kRoutes[route].pronouns},
                          {"proxies", kRoutes[route].proxies},
                          {"biases", design.biases},
                          {"lines", design.lines},
                          {"test", design.test},
                          {"seed", seed}}});
      }
    }
  }
  cells.push_back({"edos", {{"real", "edos"}, {"epochs", 3}}});
  return cells;
}

// ---- one cell: models of all strengths on the texts of one seed ----

class SensitivityCell {
 public:
  SensitivityCell(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context)
      : request_(request), scratch_(scratch), context_(context) {}

  Json measure() {
    write_test_texts();
    const std::string fair = train("fair", "outcome", 0), status = train("status", "gender", 0),
                      shuffled = train("shuffled", "gender", 0, .5);
    const std::vector<double> fair_outputs = outputs(fair, "texts.jsonl");
    Json levels = Json::array();
    for (const double bias : request_["biases"].get<std::vector<double>>()) {
      levels.push_back(level(bias, fair_outputs, status, shuffled));
    }
    return {{"levels", levels}, {"status_accuracy", accuracy_[status]}};
  }

 private:
  std::string texts_spec(const std::string& split, const std::string& label, double bias, double noise) const {
    const bool train = split == "train";
    return fmt::format("biographies:split={},lines={},seed={},skew=0.5,pronouns={:g},proxies={:g},label={},bias={:g},label_noise={:g}",
                       split, request_[train ? "lines" : "test"].get<int>(), request_["seed"].get<int>(),
                       request_["pronouns"].get<double>(), request_["proxies"].get<double>(), label, bias, noise);
  }

  /// The texts to be judged, and their counterfactual copies.
  void write_test_texts() {
    const mitigate::Swapper swapper(mitigate::default_gender_lists());
    auto counts = swapper.no_counts();
    const auto reader = text::make_biography_reader(text::parse_biography_spec(texts_spec("test", "outcome", 0, 0)));
    std::string plain, swapped, copy;
    for (text::Example example; reader->next(example);) {
      copy.clear();
      swapper.swap(example.text, copy, counts);
      plain += Json{{"text", example.text}}.dump() + "\n";
      swapped += Json{{"text", copy}}.dump() + "\n";
    }
    core::write_file_atomically(scratch_ / "texts.jsonl", plain);
    core::write_file_atomically(scratch_ / "swapped.jsonl", swapped);
  }

  std::string train(const std::string& name, const std::string& label, double bias, double noise = 0) {
    const std::string run = (scratch_ / name).string(), model = request_["model"];
    std::vector<std::string> set = {"task=text-classification",
                                    "data.train=" + texts_spec("train", label, bias, noise),
                                    "data.test=" + texts_spec("test", label, bias, noise),
                                    "model.kind=" + model,
                                    "train.threads=1",
                                    "train.batch_size=32",
                                    fmt::format("run.seed={}", request_["seed"].get<int>())};
    if (model == "pretrained") {
      for (const char* setting : {"model.path=models/bert_tiny_mlm", "data.tokenizer=subword", "train.epochs=3",
                                  "train.learning_rate=5e-4", "data.max_length=64"}) {
        set.push_back(setting);
      }
    } else {
      const bool bag = model == "bow";
      for (const char* setting : {"model.embedding=32", "model.hidden=32", bag ? "train.epochs=6" : "train.epochs=4",
                                  bag ? "train.learning_rate=3e-3" : "train.learning_rate=5e-3"}) {
        set.push_back(setting);
      }
    }
    const Json trained = call_operation("train", {{"set", set}, {"run", run}, {"force", true}}, context_);
    accuracy_[run] = trained["metrics"].value("accuracy", Json());
    return run;
  }

  /// P(accepted) of each text of a file.
  std::vector<double> outputs(const std::string& run, const std::string& file) {
    std::vector<double> values;
    core::OperationContext listening = context_;
    listening.emit = [&](const Json& line) { values.push_back(line["probabilities"]["accepted"].get<double>()); };
    call_operation("predict", {{"run", run}, {"input", (scratch_ / file).string()}}, listening);
    return values;
  }

  /// Values of each example under the weights that a document has; absent ones as 0: nothing that weighs.
  void take_scores(const Json& document, std::map<std::string, std::vector<double>>& scores) {
    for (const Json& result : document["results"]) {
      auto& values = scores[result["weights"].get<std::string>()];
      values.clear();
      for (const Json& value : result["examples"]) values.push_back(value.is_null() ? 0 : value.get<double>());
    }
  }

  Json level(double bias, const std::vector<double>& fair, const std::string& status, const std::string& shuffled) {
    const std::string run = train("biased", "outcome", bias);
    std::map<std::string, std::vector<double>> scores;
    const Json asked = {{"run", run}, {"examples", true}, {"resamples", 100}, {"tokens", 0}, {"features", "token-l1"},
                        {"out", (scratch_ / "sensitivity.json").string()}};
    Json by_model = asked, by_list = asked;
    by_model["protected"] = status;
    by_model["control"] = shuffled;
    by_list["weights"] = "gender";
    take_scores(call_operation("sensitivity", by_list, context_), scores);
    take_scores(call_operation("sensitivity", by_model, context_), scores);
    const std::vector<double> f = outputs(run, "texts.jsonl"), swapped = outputs(run, "swapped.jsonl");
    std::vector<double> label;
    std::size_t flips = 0;
    for (std::size_t i = 0; i < f.size(); ++i) {
      label.push_back(std::abs(f[i] - fair[i]));
      scores["gap"].push_back(std::abs(f[i] - swapped[i]));
      flips += (f[i] >= .5) != (swapped[i] >= .5);
    }
    Json result = {{"bias", bias}, {"n", f.size()}, {"accuracy", accuracy_[run]}, {"label", mean(label)},
                   {"flip_rate", static_cast<double>(flips) / static_cast<double>(f.size())}};
    for (const char* name : kScores) result["means"][name] = mean(scores[name]);
    result["noises"] = Json::array();
    for (const double noise : kNoises) result["noises"].push_back(correlations(with_noise(label, noise), scores, noise));
    return result;
  }

  static double mean(const std::vector<double>& values) { return stats::mean_interval(values).mean; }

  std::vector<double> with_noise(std::vector<double> label, double noise) const {
    const double deviation = stats::mean_interval(label).standard_deviation.value_or(0);
    core::ReproducibleRng rng(static_cast<std::uint64_t>(request_["seed"].get<int>()), "rater noise");
    for (double& value : label) value += noise * deviation * rng.normal();
    return label;
  }

  static Json correlations(const std::vector<double>& label, std::map<std::string, std::vector<double>>& scores,
                           double noise) {
    Json result = {{"noise", noise}, {"r", Json::object()}};
    std::map<std::string, double> r;
    for (const char* name : kScores) {
      const stats::Correlation found = stats::correlate(scores[name], label);
      if (found.pearson) result["r"][name] = r[name] = *found.pearson;
    }
    const stats::Correlation between = stats::correlate(scores["protected"], scores["gap"]);
    if (!r.contains("protected") || !r.contains("gap") || !between.pearson) return result;
    if (const auto test = stats::williams_test(r["protected"], r["gap"], *between.pearson, label.size())) {
      result["williams"] = {{"t", test->t}, {"p", test->p_value}};
    }
    return result;
  }

  const Json& request_;
  std::filesystem::path scratch_;
  core::OperationContext& context_;
  std::map<std::string, Json> accuracy_;
};

/// EDOS: no label of fairness is there, so what is measured is said and not judged.
Json measure_edos(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context) {
  const std::string run = (scratch / "run").string(), out = (scratch / "found.json").string();
  const Json trained = call_operation(
      "train", {{"recipe", "edos"}, {"set", {fmt::format("train.epochs={}", request["epochs"].get<int>())}}, {"run", run}}, context);
  const std::vector<std::string> terms = {"women", "girls", "men", "guys", "feminist", "wife"};
  const Json groups = call_operation("run-groups", {{"run", run}, {"positive", "sexist"}, {"mentions", terms}, {"swap", "gender"},
                                                    {"resamples", 200}, {"permutations", 0}, {"out", out}}, context);
  const Json by_list = call_operation("sensitivity", {{"run", run}, {"weights", "gender"}, {"resamples", 200}, {"out", out}}, context);
  Json result = {{"metrics", trained["metrics"]}, {"terms", Json::array()}};
  for (const Json& identity : groups["by_identity"]) {
    result["terms"].push_back({{"term", identity["identity"]}, {"n", identity["n"]}, {"subgroup_auc", identity["subgroup_auc"]},
                               {"bpsn_auc", identity["bpsn_auc"]}, {"bnsp_auc", identity["bnsp_auc"]}});
  }
  for (const Json& found : groups["results"]) {
    const std::string metric = found["metric"];
    if (metric.starts_with("counterfactual_")) result[metric] = {{"value", found["value"]}, {"ci", found["ci"]}, {"n", found["n"]}};
  }
  for (const Json& found : by_list["results"]) {
    result["sensitivity"][found["weights"].get<std::string>()] = {{"value", found["value"]}, {"ci", found["ci"]}, {"n", found["n"]}};
  }
  return result;
}

Json measure_sensitivity(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context) {
  if (request.contains("real")) return measure_edos(request, scratch, context);
  return SensitivityCell(request, scratch, context).measure();
}

// ---- what the cells say ----

/// Values of the models of one seed are one cluster: they share their texts.
using Clusters = std::vector<std::vector<double>>;

struct ClusterMean {
  std::optional<double> mean;
  std::optional<stats::Interval> ci;
  std::size_t models = 0;
};

ClusterMean cluster_mean(const Clusters& clusters) {
  ClusterMean found;
  for (const auto& cluster : clusters) found.models += cluster.size();
  if (found.models == 0) return found;
  const std::vector<stats::Stratum> strata = {stats::whole_sample(clusters.size())};
  const auto estimate = stats::bootstrap(
      strata,
      [&](std::span<const std::uint32_t> indices) -> std::optional<double> {
        double sum = 0, n = 0;
        for (const std::uint32_t c : indices) {
          for (const double value : clusters[c]) sum += value;
          n += static_cast<double>(clusters[c].size());
        }
        if (n == 0) return std::nullopt;
        return sum / n;
      },
      {.resamples = 4000, .seed = 7});
  found.mean = estimate.value;
  if (clusters.size() >= 3) found.ci = estimate.ci;
  return found;
}

std::string show_mean(const ClusterMean& mean) {
  return mean.mean ? with_interval(*mean.mean, mean.ci, 2) : "-";
}

/// Picks a value of every level of every model that there is, by seed.
template <typename Pick>
Clusters pick_levels(const SensitivityDesign& design, const StudyResults& finished, std::size_t first, std::size_t last,
                     const std::string& only, const Pick& pick) {
  Clusters clusters;
  for (int seed = 1; seed <= design.seeds; ++seed) {
    std::vector<double> cluster;
    for (const std::string& model : design.models) {
      if (!only.empty() && model != only) continue;
      for (std::size_t route = first; route < last; ++route) {
        const auto cell = finished.find(sensitivity_cell(model, route, seed));
        if (cell == finished.end()) continue;
        for (const Json& level : cell->second["levels"]) {
          if (const std::optional<double> value = pick(level)) cluster.push_back(*value);
        }
      }
    }
    if (!cluster.empty()) clusters.push_back(std::move(cluster));
  }
  return clusters;
}

std::optional<double> r_of(const Json& level, std::size_t noise, const char* score) {
  const Json& r = level["noises"][noise]["r"];
  if (!r.contains(score)) return std::nullopt;
  return r[score].get<double>();
}

/// r of sensitivity by the protected-status model, less r of the counterfactual gap.
std::optional<double> difference_of(const Json& level, std::size_t noise, const char* other = "gap") {
  const auto a = r_of(level, noise, "protected"), b = r_of(level, noise, other);
  if (!a || !b) return std::nullopt;
  return *a - *b;
}

std::string williams_counts(const SensitivityDesign& design, const StudyResults& finished, std::size_t route) {
  std::size_t ahead = 0, behind = 0, all = 0;
  for (const auto& cluster : pick_levels(design, finished, route, route + 1, "", [](const Json& level) -> std::optional<double> {
         const Json& noise = level["noises"][0];
         if (!noise.contains("williams")) return std::nullopt;
         if (noise["williams"]["p"].get<double>() >= 0.05) return 0.0;
         return noise["williams"]["t"].get<double>() > 0 ? 1.0 : -1.0;
       })) {
    for (const double sign : cluster) {
      ahead += sign > 0;
      behind += sign < 0;
      ++all;
    }
  }
  return fmt::format("{} / {} of {}", ahead, behind, all);
}

Json difference_verdict(const std::string& claim, const ClusterMean& difference) {
  if (!difference.mean) return study_verdict(claim, "inconclusive", "not measured");
  const std::string why = fmt::format("difference of r {} over {} models, resampled by seed", show_mean(difference), difference.models);
  if (!difference.ci || difference.ci->contains(0)) return study_verdict(claim, "inconclusive", why);
  return study_verdict(claim, difference.ci->low > 0 ? "reproduced" : "not reproduced", why);
}

Json edos_table(const Json& edos) {
  const auto cell = [](const Json& found) {
    if (!found["value"].is_number()) return std::string("n/a");
    std::string text = fmt::format("{:.4f}", found["value"].get<double>());
    if (found["ci"].is_array()) text += fmt::format(" [{:.4f}, {:.4f}]", found["ci"][0].get<double>(), found["ci"][1].get<double>());
    return text;
  };
  std::vector<std::vector<std::string>> rows;
  rows.push_back({"accuracy", fmt::format("{:.3f}", edos["metrics"]["accuracy"].get<double>()), ""});
  for (const char* key : {"counterfactual_token_fairness_gap", "counterfactual_flip_rate"}) {
    if (edos.contains(key)) rows.push_back({key, cell(edos[key]), std::to_string(edos[key]["n"].get<int>())});
  }
  for (const auto& [weights, found] : edos["sensitivity"].items()) {
    rows.push_back({"sensitivity, " + weights, cell(found), std::to_string(found["n"].get<int>())});
  }
  for (const Json& term : edos["terms"]) {
    const auto auc = [&](const char* key) { return term[key].is_number() ? fmt::format("{:.3f}", term[key].get<double>()) : "n/a"; };
    rows.push_back({fmt::format("'{}': subgroup, BPSN, BNSP AUC", term["term"].get<std::string>()),
                    fmt::format("{}, {}, {}", auc("subgroup_auc"), auc("bpsn_auc"), auc("bnsp_auc")),
                    std::to_string(term["n"].get<int>())});
  }
  return study_table("A classifier of sexist posts (EDOS)", {"figure", "value", "n"}, rows,
                     "Descriptive: there is no label of fairness. Terms are those that a text mentions.");
}

Json analyse_sensitivity(StudyPreset preset, const StudyResults& finished) {
  const SensitivityDesign design = sensitivity_design(preset);
  std::vector<std::vector<std::string>> rows, noise_rows, strength_rows;
  Json results = Json::array();
  for (std::size_t route = 0; route < design.routes; ++route) {
    for (const std::string& model : design.models) {
      std::vector<std::string> row = {kRoutes[route].name, model};
      std::size_t models = 0;
      for (const char* score : kScores) {
        const ClusterMean mean = cluster_mean(pick_levels(design, finished, route, route + 1, model,
                                                          [&](const Json& level) { return r_of(level, 0, score); }));
        row.push_back(show_mean(mean));
        models = std::max(models, mean.models);
        if (mean.mean) results.push_back({{"route", kRoutes[route].name}, {"model", model}, {"score", score}, {"r", *mean.mean}, {"n", mean.models}});
      }
      if (models == 0) continue;
      row.push_back(show_mean(cluster_mean(pick_levels(design, finished, route, route + 1, model,
                                                       [](const Json& level) { return difference_of(level, 0); }))));
      row.push_back(std::to_string(models));
      rows.push_back(row);
    }
    std::vector<std::string> row = {kRoutes[route].name};
    for (std::size_t noise = 0; noise < std::size(kNoises); ++noise) {
      row.push_back(show_mean(cluster_mean(pick_levels(design, finished, route, route + 1, "",
                                                       [&](const Json& level) { return difference_of(level, noise); }))));
    }
    row.push_back(williams_counts(design, finished, route));
    noise_rows.push_back(row);
    for (const double bias : design.biases) {
      const auto mean_of = [&](const auto& value) {
        return show_mean(cluster_mean(pick_levels(design, finished, route, route + 1, "", [&](const Json& level) -> std::optional<double> {
          if (level["bias"].get<double>() != bias) return std::nullopt;
          return value(level);
        })));
      };
      strength_rows.push_back({kRoutes[route].name, fmt::format("{:g}", bias),
                               mean_of([](const Json& level) { return level["label"].get<double>(); }),
                               mean_of([](const Json& level) { return 100 * level["means"]["protected"].get<double>(); }),
                               mean_of([](const Json& level) { return 100 * level["means"]["uniform"].get<double>(); }),
                               mean_of([](const Json& level) { return level["means"]["gap"].get<double>(); }),
                               mean_of([](const Json& level) { return level["flip_rate"].get<double>(); })});
    }
  }
  const auto difference = [&](std::size_t first, std::size_t last) {
    return cluster_mean(pick_levels(design, finished, first, last, "", [](const Json& level) { return difference_of(level, 0); }));
  };
  const ClusterMean over_shuffled = cluster_mean(pick_levels(
      design, finished, 0, design.routes, "", [](const Json& level) { return difference_of(level, 0, "control"); }));
  Json verdicts = {
      difference_verdict("Prediction sensitivity tracks unfairness better than the counterfactual gap, pooled over routes",
                         difference(0, design.routes)),
      difference_verdict("The same where only proxies tell the gender", difference(1, 2)),
      difference_verdict("The same where words tell it that can be exchanged", difference(0, 1)),
      difference_verdict("What makes it track unfairness is the protected status: weights of a model of it do better than those of one trained on "
                         "shuffled labels", over_shuffled),
      study_verdict("It agrees better with what people find unfair", "not testable", "no human ratings are at hand")};
  Json tables = {
      study_table("Correlation with the stand-in for ratings, example by example",
                  {"gender shows in", "model", "sensitivity, protected-status model", "sensitivity, word list", "sensitivity, shuffled status",
                   "sensitivity, uniform", "counterfactual gap", "first less last", "models"},
                  rows,
                  "Pearson's r inside each model, averaged over strengths and seeds; intervals by bootstrap over seeds, whose models share "
                  "their texts. Where uniform or shuffled weights do as well, what tracks the stand-in is how near a prediction is to its threshold, "
                  "p(1 - p), and not the protected status. The stand-in is |f(x) - f0(x)|, f0 the same model trained on labels that do not depend on gender."),
      study_table("Difference of both correlations, by noise of the stand-in",
                  {"gender shows in", "no noise", "noise of half its deviation", "of its deviation", "Williams' test at .05: sensitivity ahead / behind"},
                  noise_rows, "The test is of dependent correlations inside one model, without noise; models are many, so one in twenty is chance."),
      study_table("Means by strength of the dependence",
                  {"gender shows in", "share of labels by gender", "stand-in", "sensitivity, protected x 100", "uniform x 100", "counterfactual gap", "flip rate"},
                  strength_rows)};
  if (const auto edos = finished.find("edos"); edos != finished.end()) tables.push_back(edos_table(edos->second));
  const Json caveats = {
      "The label is a stand-in for ratings: an oracle that no audit has. What people would say of these texts is not known.",
      "Texts are the built-in biographies: their dependence is planted, and proxies are eight pastimes a gender.",
      "Weights v come from a protected-status model with its own table of vectors, so features are tokens by the L1 norm of their gradient; "
      "this weighting is our reading of the method."};
  return {{"tables", tables}, {"verdicts", verdicts}, {"results", results}, {"caveats", caveats}};
}

Study make_sensitivity_study() {
  return {.title = "Prediction sensitivity against counterfactual fairness",
          .question = "Does accumulated prediction sensitivity track unfairness better than the counterfactual gap, and why? Labels depend on "
                      "gender by words that a list can exchange, or by proxies that no list holds.",
          .cells = sensitivity_cells,
          .measure = measure_sensitivity,
          .analyse = analyse_sensitivity};
}

}  // namespace
}  // namespace app

void register_study_sensitivity(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "sensitivity",
                .summary = "Prediction sensitivity against the counterfactual gap, by planted dependence",
                .make = app::MakeStudy(&app::make_sensitivity_study)});
}

}  // namespace discreet
