// S2: what eDP-SGD costs in time, and what it costs in accuracy at an honest epsilon.
#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "discreet/app/internal/tuning_study.h"
#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/nn/token_batches.h"
#include "discreet/privacy/accountant.h"
#include "discreet/privacy/calibrate.h"
#include "discreet/stats/bootstrap.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/paired.h"

namespace discreet {
namespace app {
namespace {

constexpr double kTimeLimit = 1.15;        // of eDP-SGD against ordinary training, from
constexpr std::int64_t kSmallestBatch = 32;  // examples a batch on: the claim under test
constexpr double kDelta = 1e-5;
constexpr int kSlots = 64;  // of the trainings; the timed steps have 16

/// The sizes of a preset; everything that decides what is measured stands here.
struct Design {
  std::vector<std::string> shapes;
  std::vector<std::int64_t> examples;
  int starts;
  std::vector<std::string> data, models;
  std::vector<double> epsilons;
  int seeds;
};

Design design_of(StudyPreset preset) {
  if (preset == StudyPreset::kQuick) {
    return {{"bilstm", "bag-of-words", "transformer-t32"}, {1, 8, 32, 128}, 3,
            {"assistant"}, {"bilstm-crf", "transformer"}, {8, 50}, 3};
  }
  return {{"transformer-t32", "transformer-v30522", "transformer-t256", "bilstm", "bag-of-words"},
          {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}, 5,
          {"assistant", "snips"}, {"bilstm-crf", "transformer"}, {1, 3, 8}, 8};
}

struct Arm {
  std::string name;
  std::optional<double> epsilon;
};

/// none; DP-SGD; eDP-SGD whose corrected, and whose published, epsilon is the target.
std::vector<Arm> arms_of(const Design& design) {
  std::vector<Arm> arms = {{"none", {}}};
  for (const double epsilon : design.epsilons) {
    for (const char* name : {"dp-sgd", "edp-sgd-corrected", "edp-sgd-published"}) {
      arms.push_back({name, epsilon});
    }
  }
  return arms;
}

std::string arm_label(const std::string& name, const Json& epsilon) {
  return epsilon.is_null() ? name : fmt::format("{} {:g}", name, epsilon.get<double>());
}

Json cost_request(const std::string& shape, std::int64_t examples, int start) {
  // Few steps where each is long, of which the minimum is taken over five starts: a cell takes minutes at most.
  const std::int64_t texts = shape == "transformer-t256" ? 8 * examples : examples;  // of 32 tokens
  const int steps = texts >= 4096 ? 1 : texts >= 2048 ? 2 : texts >= 512 ? 3 : texts >= 128 ? 5 : 15;
  Json request = {{"kind", "cost"}, {"shape", shape}, {"examples", examples}, {"start", start}, {"steps", steps}};
  if (32 * texts >= nn::kPhysicalTokens) request["part_tokens"] = nn::kPhysicalTokens;  // others do not depend on it
  return request;
}

std::vector<StudyCell> cells(StudyPreset preset) {
  const Design design = design_of(preset);
  std::vector<StudyCell> cells;
  for (const std::string& shape : design.shapes) {
    for (const std::int64_t examples : design.examples) {
      for (int start = 1; start <= design.starts; ++start) {
        cells.push_back({fmt::format("cost-{}-{}-{}", shape, examples, start),
                         cost_request(shape, examples, start)});
      }
    }
  }
  for (StudyCell& cell : tuning_cells(design.seeds)) cells.push_back(std::move(cell));
  // Seeds outermost: where time runs out, whole seeds are missing.
  for (int seed = 1; seed <= design.seeds; ++seed) {
    for (const std::string& data : design.data) {
      for (const std::string& model : design.models) {
        for (const Arm& arm : arms_of(design)) {
          const Json epsilon = arm.epsilon ? Json(*arm.epsilon) : Json();
          Json request = {{"kind", "train"}, {"data", data}, {"model", model},
                          {"arm", arm.name}, {"epsilon", epsilon}, {"seed", seed}};
          std::string name = fmt::format("train-{}-{}-{}", data, model, arm.name);
          if (arm.epsilon) name += fmt::format("-{:g}", *arm.epsilon);
          cells.push_back({fmt::format("{}-{}", name, seed), std::move(request)});
        }
      }
    }
  }
  return cells;
}

Json measure_cost(const Json& request, core::OperationContext& context) {
  const Json document = call_operation("bench", {{"shapes", {request["shape"]}},
                                                 {"examples", {request["examples"]}},
                                                 {"modes", {"ordinary", "loop", "private", "edp-sgd"}},
                                                 {"threads", {1}},
                                                 {"steps", request["steps"]},
                                                 {"memory", request["examples"] == 32}},
                                       context);
  Json result = Json::object();
  for (const Json& mode : document["results"]) result[mode["mode"].get<std::string>()] = mode;
  return result;
}

/// What every arm shares: the same model, data, batch and number of steps.
struct Training {
  std::vector<std::string> set;
  double units, batch, steps;
};

Training training_of(const std::string& data, const std::string& model) {
  const bool snips = data == "snips";
  Training training;
  training.units = (snips ? 13084 : 6000) * 0.8;
  training.batch = snips ? 1024 : 512;
  training.steps = snips ? 400 : 200;
  training.set = {snips ? "data.train=snips" : "data.train=assistant:lines=6000",
                  snips ? "data.test=snips:test + snips:dev" : "data.test=assistant:lines=2000",
                  "data.hold_out=0.2",
                  "data.buckets=4096",
                  "model.kind=" + model,
                  "model.pooling=mean-max",
                  "train.optimizer=adam",
                  snips ? "train.learning_rate=4e-3" : "train.learning_rate=1e-2",
                  "train.threads=1",
                  fmt::format("train.batch_size={}", training.batch),
                  fmt::format("train.steps={}", training.steps)};
  for (const char* setting : {"model.hidden=64", "model.embedding=64", "model.skip=true", "model.skip_context=1"}) {
    training.set.push_back(setting);
  }
  return training;
}

/// The noise with which the published method would state `epsilon`: one Gaussian of multiplier sigma a
/// step, as if a slot's mean moved by no more than its clip norm.
double published_multiplier(const Training& training, double epsilon) {
  const auto accountant = privacy::make_accountant("prv");
  const privacy::Target target{epsilon, kDelta, accountant.get()};
  const auto steps = static_cast<std::int64_t>(training.steps);
  return privacy::calibrate_noise_multiplier(target, [&](double multiplier) {
           return privacy::event_of({{multiplier, training.batch / training.units, steps}});
         }).value;
}

void add_privacy(const Json& request, Training& training) {
  const std::string arm = request["arm"];
  if (arm == "none") return;
  const double epsilon = request["epsilon"].get<double>();
  const bool slots = arm != "dp-sgd";
  auto& set = training.set;
  set.push_back(slots ? "privacy.mechanism=edp-sgd" : "privacy.mechanism=dp-sgd");
  if (slots) set.push_back(fmt::format("privacy.slots={}", kSlots));
  set.push_back(fmt::format("privacy.delta={}", kDelta));
  set.push_back("privacy.clip_norm=1");
  if (arm == "edp-sgd-published") {
    set.push_back(fmt::format("privacy.noise_multiplier={:.6g}", published_multiplier(training, epsilon)));
  } else {
    set.push_back(fmt::format("privacy.epsilon={:g}", epsilon));
  }
}

const Json* find_result(const Json& document, const char* key, const std::string& name) {
  for (const Json& result : document["results"]) {
    if (result.value(key, "") == name) return &result;
  }
  return nullptr;
}

Json measure_training(const Json& request, const std::filesystem::path& scratch,
                      core::OperationContext& context) {
  Training training = training_of(request["data"], request["model"]);
  add_privacy(request, training);
  training.set.push_back(fmt::format("run.seed={}", request["seed"].get<int>()));
  const std::string run = (scratch / "run").string();
  const Json trained = call_operation("train", {{"set", training.set}, {"run", run}}, context);
  const Json attack = call_operation("membership", {{"run", run}}, context);
  const Json* loss = find_result(attack, "attack", "loss");
  Json result = {{"metrics", trained["metrics"]},
                 {"epsilon", trained["epsilon"]},
                 {"published_epsilon", trained.value("epsilon_as_published", Json())},
                 {"seconds", trained["seconds"]},
                 {"attack_auc", loss != nullptr ? (*loss)["auc"] : Json()}};
  if (request["data"] == "assistant") {  // the corpus has speakers with groups, SNIPS has none
    const Json groups = call_operation("run-groups", {{"run", run}}, context);
    const Json* gap = find_result(groups, "metric", "accuracy_difference");
    if (gap != nullptr) result["accuracy_gap"] = (*gap)["value"];
  }
  return result;
}

Json measure(const Json& request, const std::filesystem::path& scratch,
             core::OperationContext& context) {
  if (request["kind"] == "cost") return measure_cost(request, context);
  if (request["kind"] == "tuning") return measure_tuning(request, scratch, context);
  return measure_training(request, scratch, context);
}

// ---- analysis ----

/// Ratios to the ordinary step of one mode, one per start.
std::vector<double> ratios_of(const StudyResults& finished, const std::string& shape,
                              std::int64_t examples, int starts, const std::string& mode) {
  std::vector<double> ratios;
  for (int start = 1; start <= starts; ++start) {
    const auto cell = finished.find(fmt::format("cost-{}-{}-{}", shape, examples, start));
    if (cell == finished.end()) continue;
    ratios.push_back(cell->second[mode]["minimum_ms"].get<double>() /
                     cell->second["ordinary"]["minimum_ms"].get<double>());
  }
  return ratios;
}

struct Spread {
  double mean = 0;
  std::optional<stats::Interval> ci;
};

/// Mean and bootstrap interval over starts.
Spread over_starts(const std::vector<double>& ratios) {
  const auto mean = [&](std::span<const std::uint32_t> indices) -> std::optional<double> {
    double sum = 0;
    for (const std::uint32_t i : indices) sum += ratios[i];
    return sum / static_cast<double>(indices.size());
  };
  const std::vector<stats::Stratum> strata = {stats::whole_sample(ratios.size())};
  const auto estimate = stats::bootstrap(strata, mean, {.seed = 2});
  return {*estimate.value, ratios.size() >= 3 ? estimate.ci : std::nullopt};
}

/// The cost part: a table of ratios, their numbers, and the largest upper bound of eDP-SGD.
struct Cost {
  Json table;
  std::optional<double> worst;  ///< Largest upper end at batches from kSmallestBatch on.
  std::string worst_at;
  bool exceeds = false;         ///< Some interval lies above the limit as a whole.
  bool complete = true;
};

Cost analyse_cost(const Design& design, const StudyResults& finished, Json& results) {
  Cost cost;
  std::vector<std::vector<std::string>> rows;
  for (const std::string& shape : design.shapes) {
    for (const std::int64_t examples : design.examples) {
      if (ratios_of(finished, shape, examples, design.starts, "edp-sgd").size() < 3) cost.complete = false;
      std::vector<std::string> row = {shape, std::to_string(examples)};
      const auto first = finished.find(fmt::format("cost-{}-{}-1", shape, examples));
      if (first == finished.end()) continue;
      row.push_back(fmt::format("{:.2f}", first->second["ordinary"]["minimum_ms"].get<double>()));
      for (const std::string mode : {"loop", "private", "edp-sgd"}) {
        const Spread spread = over_starts(ratios_of(finished, shape, examples, design.starts, mode));
        row.push_back(with_interval(spread.mean, spread.ci, 2));
        Json result = {{"table", "cost"}, {"shape", shape}, {"examples", examples}, {"mode", mode},
                       {"ratio", spread.mean}};
        if (spread.ci) result["ci"] = {spread.ci->low, spread.ci->high};
        results.push_back(result);
        if (mode != "edp-sgd" || examples < kSmallestBatch || !spread.ci) continue;
        if (!cost.worst || spread.ci->high > *cost.worst) {
          cost.worst = spread.ci->high;
          cost.worst_at = fmt::format("{} at {} examples", shape, examples);
        }
        cost.exceeds = cost.exceeds || spread.ci->low > kTimeLimit;
      }
      rows.push_back(std::move(row));
    }
  }
  cost.table = study_table(
      "Time of a step, relative to the ordinary one",
      {"model", "examples a batch", "ordinary ms", "loop over batches of one", "DP-SGD by segments", "eDP-SGD"}, rows,
      "One thread; the modes take turns, step by step. The minimum over the steps of a start; mean and "
      "95 % bootstrap interval over starts. eDP-SGD with 16 slots, or one per example in smaller batches.");
  return cost;
}

/// Values of a metric over the seeds of one arm, by seed; absent seeds are left out.
std::map<int, double> values_of(const Design& design, const StudyResults& finished,
                                const std::string& prefix, const std::string& metric) {
  std::map<int, double> values;
  for (int seed = 1; seed <= design.seeds; ++seed) {
    const auto cell = finished.find(fmt::format("{}-{}", prefix, seed));
    if (cell == finished.end()) continue;
    const Json& source = cell->second.contains(metric) ? cell->second : cell->second["metrics"];
    const auto value = source.find(metric);
    if (value != source.end() && value->is_number()) values[seed] = value->get<double>();
  }
  return values;
}

std::string mean_text(const std::map<int, double>& by_seed, int digits) {
  return by_seed.empty() ? "-" : mean_with_interval(by_seed, digits);
}

std::string prefix_of(const std::string& data, const std::string& model, const Arm& arm) {
  std::string prefix = fmt::format("train-{}-{}-{}", data, model, arm.name);
  if (arm.epsilon) prefix += fmt::format("-{:g}", *arm.epsilon);
  return prefix;
}

Json analyse_training(const Design& design, const StudyResults& finished, Json& results) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& data : design.data) {
    for (const std::string& model : design.models) {
      const auto base = values_of(design, finished, prefix_of(data, model, {"none", {}}), "seconds");
      for (const Arm& arm : arms_of(design)) {
        const std::string prefix = prefix_of(data, model, arm);
        const auto metric = [&](const char* name) { return values_of(design, finished, prefix, name); };
        if (metric("intent_accuracy").empty()) continue;
        std::map<int, double> relative;
        for (const auto& [seed, seconds] : metric("seconds")) {
          if (base.count(seed) != 0) relative[seed] = seconds / base.at(seed);
        }
        rows.push_back({data, model, arm_label(arm.name, arm.epsilon ? Json(*arm.epsilon) : Json()),
                        mean_text(metric("epsilon"), 2), mean_text(metric("published_epsilon"), 2),
                        mean_text(metric("intent_accuracy"), 3), mean_text(metric("slot_f1"), 3),
                        mean_text(relative, 2), mean_text(metric("attack_auc"), 3),
                        mean_text(metric("accuracy_gap"), 3)});
        for (const char* name : {"intent_accuracy", "slot_f1", "seconds", "attack_auc", "accuracy_gap", "epsilon", "published_epsilon"}) {
          for (const auto& [seed, value] : metric(name)) {
            results.push_back({{"table", "training"}, {"data", data}, {"model", model}, {"arm", arm.name},
                               {"target", arm.epsilon ? Json(*arm.epsilon) : Json()},
                               {"seed", seed}, {"metric", name}, {"value", value}});
          }
        }
      }
    }
  }
  return study_table(
      "Accuracy, time, attack and groups",
      {"data", "model", "arm", "epsilon (corrected)", "epsilon as published", "intent accuracy", "slot F1",
       "time / none", "attack AUC", "largest gap of groups"},
      rows,
      "delta 1e-5, per example, add or remove one, Poisson sampling, PRV upper bounds. Means with 95 % t-intervals "
      "over seeds. Attack: loss threshold against held-out lines of the training file. Time: of the whole "
      "training, evaluation included. Gap: accuracy over groups of speakers. eDP-SGD with 64 slots.");
}

/// Paired tests of eDP-SGD against DP-SGD, Holm over all of them.
Json analyse_pairs(const Design& design, const StudyResults& finished, Json& results) {
  struct Pair {
    std::vector<std::string> row;
    double p;
  };
  std::vector<Pair> pairs;
  for (const std::string& data : design.data) {
    for (const std::string& model : design.models) {
      for (const double epsilon : design.epsilons) {
        for (const char* name : {"edp-sgd-corrected", "edp-sgd-published"}) {
          const auto dp = values_of(design, finished, prefix_of(data, model, {"dp-sgd", epsilon}), "intent_accuracy");
          const auto edp = values_of(design, finished, prefix_of(data, model, {name, epsilon}), "intent_accuracy");
          std::vector<double> a, b;
          std::map<int, double> difference;
          for (const auto& [seed, value] : edp) {
            if (dp.count(seed) == 0) continue;
            a.push_back(value);
            b.push_back(dp.at(seed));
            difference[seed] = value - dp.at(seed);
          }
          if (a.empty()) continue;
          const double p = stats::wilcoxon_signed_rank(a, b).p_value.value_or(1.0);
          pairs.push_back({{data, model, fmt::format("{:g}", epsilon),
                            name == std::string("edp-sgd-corrected") ? "corrected" : "as published",
                            mean_text(difference, 3), std::to_string(a.size())}, p});
        }
      }
    }
  }
  std::vector<double> p_values;
  for (const Pair& pair : pairs) p_values.push_back(pair.p);
  const std::vector<double> adjusted = stats::holm(p_values);
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    std::vector<std::string> row = pairs[i].row;
    row.push_back(fmt::format("{:.4f}", pairs[i].p));
    row.push_back(fmt::format("{:.4f}", adjusted[i]));
    rows.push_back(row);
    results.push_back({{"table", "pairs"}, {"row", pairs[i].row}, {"p", pairs[i].p}, {"holm", adjusted[i]}});
  }
  const double least_p = std::ldexp(2, -design.seeds);  // all pairs on one side
  return study_table("Intent accuracy of eDP-SGD minus that of DP-SGD at equal epsilon",
                     {"data", "model", "epsilon", "which", "difference", "seeds", "p", "p (Holm)"}, rows,
                     fmt::format("Paired over seeds; Wilcoxon's signed-rank test, exact, two-sided. With {} seeds it gives no p below {:.2g}, and Holm "
                                 "over {} tests none below {:.2g}: the intervals tell more.",
                                 design.seeds, least_p, pairs.size(), std::min(1.0, least_p * double(pairs.size()))));
}

/// What choosing hyper-parameters on the private data adds: the best of a random number of runs.
Json selection_price(Json& results) {
  const privacy::Event one = privacy::event_of({{1.0, 0.01, 1000}});
  const auto accountant = privacy::make_accountant("rdp");
  const auto epsilon = [&](const privacy::Event& event) {
    return accountant->epsilon(event, privacy::Delta(kDelta)).guarantee();
  };
  std::vector<std::vector<std::string>> rows = {{"one run, nothing chosen", fmt::format("{:.2f}", epsilon(one))}};
  struct Rule {
    const char* name;
    double shape, mean;
  };
  for (const Rule& rule : {Rule{"logarithmic", 0, 10}, Rule{"geometric", 1, 10}, Rule{"Poisson", HUGE_VAL, 10},
                           Rule{"Poisson", HUGE_VAL, 30}}) {
    const double price = epsilon(privacy::Event::repeat_and_select({rule.shape, rule.mean}, one));
    rows.push_back({fmt::format("best of {:g} runs on average, their number {}", rule.mean, rule.name), fmt::format("{:.2f}", price)});
    results.push_back({{"table", "selection"}, {"rule", rule.name}, {"mean", rule.mean}, {"epsilon", price}});
  }
  std::vector<privacy::Phase> all(10, {1.0, 0.01, 1000});
  rows.push_back({"ten runs, all of them added up", fmt::format("{:.2f}", epsilon(privacy::event_of(all)))});
  return study_table("What tuning on the private data costs", {"what is released", "epsilon"}, rows,
                     "Noise multiplier 1, sampling rate .01, 1,000 steps, delta 1e-5, RDP (Papernot and Steinke 2022). Layer norms from "
                     "private quantiles (`privacy.clipping = \"group-wise\"`) tune themselves within one run's epsilon.");
}

Json time_verdict(const Cost& cost) {
  const std::string claim = "eDP-SGD trains at close to the time of ordinary training";
  const std::string rule = fmt::format("upper bound of eDP-SGD / ordinary at most {:g} at every batch from {} on", kTimeLimit,
                                       kSmallestBatch);
  if (!cost.worst || (!cost.complete && !cost.exceeds)) return study_verdict(claim, "inconclusive", "cells are missing; " + rule);
  const std::string found = fmt::format("{}: largest upper bound {:.2f} ({})", rule, *cost.worst, cost.worst_at);
  if (*cost.worst <= kTimeLimit) return study_verdict(claim, "reproduced", found);
  return study_verdict(claim, cost.exceeds ? "not reproduced" : "inconclusive", found);
}

Json analyse(StudyPreset preset, const StudyResults& finished) {
  const Design design = design_of(preset);
  Json results = Json::array();
  const Cost cost = analyse_cost(design, finished, results);
  Json tables = Json::array({cost.table});
  tables.push_back(analyse_training(design, finished, results));
  tables.push_back(analyse_pairs(design, finished, results));
  tables.push_back(analyse_tuning(design.seeds, finished, results));
  tables.push_back(selection_price(results));
  Json verdicts = Json::array({time_verdict(cost)});
  verdicts.push_back(study_verdict("The original form of DP-SGD costs up to 130 times the training time", "not testable",
                                   "needs an accelerator, whose lanes a batch of one leaves idle; the table shows what "
                                   "the loop costs on one processor thread"));
  verdicts.push_back(study_verdict(
      "eDP-SGD gives the guarantee of DP-SGD", "not testable",
      "a guarantee is proved, not measured: one example can turn a slot's clipped mean around, so the sensitivity is twice the "
      "clip norm; both epsilons stand in the table, and the corrected one holds"));
  return {{"tables", tables},
          {"verdicts", verdicts},
          {"results", results},
          {"caveats",
           {"The paper's data, tables and accelerators are not at hand; slots, schedule and clip norms are our reading of it "
            "(docs/edp-sgd.md).",
            "Seconds of whole trainings are of the clock and suffer from other work; steps of several kinds take turns and do not.",
            "Hyper-parameters were fixed beforehand, the same for all arms; none was tuned on these data, but where the table of "
            "tuning says so.",
            "The loop steps through the library's own kernels, one example at a time, so it is a fast form of what it stands for."}}};
}

Study make_edp_sgd() {
  return {.title = "What eDP-SGD costs",
          .question = "Is private training by eDP-SGD as fast as ordinary training, and what does that cost in accuracy at an "
                      "epsilon that holds? (Dupuy, Arava, Gupta and Rumshisky 2022)",
          .cells = cells,
          .measure = measure,
          .analyse = analyse};
}

}  // namespace
}  // namespace app

void register_study_edp_sgd(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "edp-sgd",
                .summary = "Time, accuracy, attack and group gaps of eDP-SGD beside DP-SGD and ordinary training",
                .reference = "Dupuy, Arava, Gupta and Rumshisky 2022, arXiv 2107.14586",
                .make = app::MakeStudy(&app::make_edp_sgd)});
}

}  // namespace discreet
