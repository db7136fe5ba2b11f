// S5: which part of a federated algorithm helps on skewed text, and how far is it from central training?
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/study_curves.h"
#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/report/curves.h"
#include "discreet/stats/intervals.h"
#include "discreet/text/references.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

/// A client optimiser with a server rule; the 2x2 and what stands beside it.
struct FedArm {
  std::string name, client, strategy;
};

const std::vector<FedArm>& fed_arms() {
  static const std::vector<FedArm> arms = {{"sgd+mean", "sgd", "fedavg"},      {"sgd+adaptive", "sgd", "fedadam"},
                                           {"adamw+mean", "adamw", "fedavg"},  {"adamw+adaptive", "adamw", "fedadam"},
                                           {"sgd+prox", "sgd", "fedprox"},     {"adamw+prox", "adamw", "fedprox"},
                                           {"sgd+scaffold", "sgd", "scaffold"}};
  return arms;
}
const std::vector<FedArm>& central_arms() {
  static const std::vector<FedArm> arms = {{"central sgd", "sgd", "central"}, {"central adamw", "adamw", "central"}};
  return arms;
}

/// One task: its data, its model, and how it is divided.
struct FedTask {
  std::string name, metric;
  std::vector<std::string> partitions;  // "method:alpha"
  int seeds, clients, examples, rounds;
  int cohort = 10;
  double sgd_scale = 1;    // of the rates of plain SGD that are tried
  double adamw_scale = 1;  // of those of AdamW
};

struct FednlpDesign {
  std::vector<FedTask> tasks;
  std::vector<std::string> frozen;  // levels of the freezing study
  int frozen_examples, frozen_length;
};

FednlpDesign fednlp_design(StudyPreset preset) {
  if (preset == StudyPreset::kQuick) {
    return {.tasks = {{"assistant", "accuracy", {"label-dirichlet:10", "label-dirichlet:1", "label-dirichlet:0.1"}, 3, 60, 4000, 30},
                      {"assistant-slots", "entity_f1", {"cluster-dirichlet:0.1"}, 1, 30, 2000, 20}},
            .frozen = {"nothing", "E+L0-2", "E+L0-4"}, .frozen_examples = 320, .frozen_length = 48};
  }
  return {.tasks = {{"assistant", "accuracy", {"label-dirichlet:10", "label-dirichlet:1", "label-dirichlet:0.1"}, 5, 60, 4000, 30},
                    {"20newsgroups", "accuracy", {"label-dirichlet:10", "label-dirichlet:1", "label-dirichlet:0.1"}, 5, 100, 9000, 40, 20, 10},
                    {"wnut17", "entity_f1", {"cluster-dirichlet:10", "cluster-dirichlet:0.1"}, 5, 30, 3000, 20, 10, 3},
                    {"questions", "f1", {"cluster-dirichlet:10", "cluster-dirichlet:0.1"}, 5, 30, 960, 10, 10, 1.0 / 3, 0.2},
                    {"e2e_nlg", "rouge_l", {"cluster-dirichlet:10", "cluster-dirichlet:0.1"}, 5, 30, 1920, 20}},
          .frozen = {"nothing", "E", "E+L0", "E+L0-1", "E+L0-2", "E+L0-3", "E+L0-4", "E+L0-5"},
          .frozen_examples = 640, .frozen_length = 64};
}

std::string fed_cell(const std::string& task, const std::string& partition, const std::string& arm, int seed) {
  std::string name = fmt::format("{}-{}-{}-{}", task, partition, arm, seed);
  for (char& letter : name) {
    if (letter == ':' || letter == ' ') letter = '.';
    if (letter == '+') letter = '.';
    if (letter == '_') letter = '-';
  }
  return name;
}

Json fed_request(const FedTask& task, const std::string& partition, const FedArm& arm, int seed) {
  Json request = {{"kind", "arm"}, {"task", task.name}, {"metric", task.metric}, {"partition", partition}, {"arm", arm.name},
          {"client", arm.client}, {"strategy", arm.strategy}, {"seed", seed}, {"clients", task.clients},
          {"examples", task.examples}, {"rounds", task.rounds}, {"cohort", task.cohort}};
  if (task.sgd_scale != 1) request["sgd_scale"] = task.sgd_scale;
  if (task.adamw_scale != 1) request["adamw_scale"] = task.adamw_scale;
  return request;
}

// Seeds outermost: where time runs out, whole seeds are missing. The freezing study comes last.
std::vector<StudyCell> fednlp_cells(StudyPreset preset) {
  const FednlpDesign design = fednlp_design(preset);
  std::vector<StudyCell> cells;
  int seeds = 0;
  for (const FedTask& task : design.tasks) seeds = std::max(seeds, task.seeds);
  for (int seed = 1; seed <= seeds; ++seed) {
    for (const FedTask& task : design.tasks) {
      if (seed > task.seeds) continue;
      for (const FedArm& arm : central_arms()) {
        cells.push_back({fed_cell(task.name, "all", arm.name, seed), fed_request(task, "all", arm, seed)});
      }
      for (const std::string& partition : task.partitions) {
        for (const FedArm& arm : fed_arms()) {
          cells.push_back({fed_cell(task.name, partition, arm.name, seed), fed_request(task, partition, arm, seed)});
        }
      }
    }
  }
  for (const std::string& frozen : design.frozen) {
    for (const char* where : {"central", "federated"}) {
      cells.push_back({fed_cell("freezing", frozen, where, 1),
                       {{"kind", "freezing"}, {"frozen", frozen}, {"where", where}, {"examples", design.frozen_examples},
                        {"length", design.frozen_length}, {"rates", {5e-5, 2e-4, 1e-3}}, {"seed", 1}}});
    }
  }
  return cells;
}

std::vector<text::Example> read_part(const std::string& source, text::Split split, const text::ReaderOptions& columns = {}) {
  const auto reader = open_data(source, split, "", columns);
  return text::read_all(*reader);
}

bool is_tagging(const std::string& task) { return task == "wnut17" || task == "assistant-slots"; }

/// A group for the gaps: the dialect, the hierarchy of a news group, or long and short sentences.
std::string gap_group(const std::string& task, const text::Example& example) {
  if (task.starts_with("assistant")) return example.groups.at("dialect");
  if (is_tagging(task)) return example.words.size() > 18 ? "long" : "short";
  return example.label.substr(0, example.label.find('.'));
}

void write_examples(const std::string& task, const fs::path& path, const std::vector<text::Example>& examples, std::size_t first,
                    std::size_t count) {
  std::ofstream out(path);
  for (std::size_t i = first; i < std::min(examples.size(), first + count); ++i) {
    const text::Example& example = examples[i];
    Json line = {{"group", gap_group(task, example)}};
    if (example.words.empty()) {
      line["text"] = example.text;
    } else {
      line["words"] = example.words;
    }
    if (is_tagging(task)) {
      line["tags"] = example.tags;
    } else {
      line["label"] = example.label;
    }
    out << line.dump() << '\n';
  }
}

/// The name by which the task's data are known.
std::string source_of(const std::string& task, int examples, int seed) {
  if (!task.starts_with("assistant")) return task;
  return fmt::format("assistant:lines={},devices=200,seed={}", examples + examples / 5, 100 + seed);
}

/// The first `count` of the shuffled examples of a part of e2e_nlg, a line for each answer.
std::string write_meanings(const fs::path& path, std::vector<text::Example> examples, std::size_t count, int seed) {
  core::ReproducibleRng rng(static_cast<std::uint64_t>(seed), "fednlp.e2e_nlg");
  core::shuffle(std::span<text::Example>(examples), rng);
  std::ofstream out(path);
  for (std::size_t i = 0; i < std::min(count, examples.size()); ++i) {
    for (const std::string& answer : examples[i].answers) out << Json({{"mr", examples[i].text}, {"ref", answer}}).dump() << '\n';
  }
  return path.string();
}

/// Meanings and their sentences. No two of the data set's own parts share a meaning, so that each is sampled by itself:
/// pairs to learn from, meanings with all of their sentences to tune and to test on.
std::vector<std::string> restaurant_settings(int examples, int seed, const fs::path& scratch) {
  const auto part = [](text::Split split) { return read_part("e2e_nlg", split, {.text = "mr", .answers = "ref"}); };
  const auto pairs = static_cast<std::size_t>(examples);
  return {"task=seq2seq",
          "data.train=" + write_meanings(scratch / "train.jsonl", part(text::Split::kTrain), pairs, seed),
          "data.dev=" + write_meanings(scratch / "dev.jsonl", text::merged_by_text(part(text::Split::kDev)), 100, seed),
          "data.test=" + write_meanings(scratch / "test.jsonl", text::merged_by_text(part(text::Split::kTest)), 200, seed),
          "data.source=mr", "data.target=ref", "data.lowercase=false", "data.min_count=2"};
}

/// Training, development and test files of a task: the shuffled head of the training data trains, what comes next
/// tunes, at most `tests` examples test.
std::vector<std::string> data_settings(const std::string& task, int examples, int seed, const fs::path& scratch, std::size_t tuned = 600,
                                       std::size_t tests = 1000) {
  std::vector<std::string> set;
  if (task == "questions") {
    return {"task=span-qa", fmt::format("data.train=questions:lines={},seed={}", examples, seed),
            fmt::format("data.dev=questions:lines=300,seed={}", seed), fmt::format("data.test=questions:lines=600,seed={}", seed),
            "data.tokenizer=subword", "data.max_length=256"};
  }
  if (task == "e2e_nlg") {
    return restaurant_settings(examples, seed, scratch);
  }
  const std::string source = source_of(task, examples, seed);
  auto train = read_part(source, text::Split::kTrain);
  core::ReproducibleRng rng(static_cast<std::uint64_t>(seed), "fednlp." + task);
  core::shuffle(std::span<text::Example>(train), rng);
  auto test = read_part(source, text::Split::kTest);
  core::shuffle(std::span<text::Example>(test), rng);
  const auto head = std::min<std::size_t>(static_cast<std::size_t>(examples), train.size() * 5 / 6);
  write_examples(task, scratch / "train.jsonl", train, 0, head);
  write_examples(task, scratch / "dev.jsonl", train, head, tuned);
  write_examples(task, scratch / "test.jsonl", test, 0, tests);
  for (const char* part : {"train", "dev", "test"}) {
    set.push_back(fmt::format("data.{}={}", part, (scratch / (std::string(part) + ".jsonl")).string()));
  }
  set.push_back("data.format=jsonl");
  set.push_back("data.group=[\"group\"]");
  set.push_back("data.max_length=128");
  set.push_back(is_tagging(task) ? "task=tagging" : "task=text-classification");
  return set;
}

std::vector<std::string> model_settings(const std::string& task) {
  if (task == "assistant") return {"model.kind=bow", "model.embedding=32", "model.hidden=64"};
  if (task == "assistant-slots") return {"model.kind=bilstm", "model.embedding=32", "model.hidden=32"};
  if (task == "20newsgroups") return {"model.kind=bow", "model.embedding=50", "data.vocabulary=private", "data.min_count=10"};
  // What 3,000 sentences and 20 rounds teach of names needs vectors to stand on.
  if (task == "wnut17") {
    return {"model.kind=bilstm", "model.hidden=50", "model.vectors=glove_6b_100d/glove.6B.100d.top50k.txt.gz", "model.vectors_frozen=true"};
  }
  // From nothing, that many questions teach a small transformer nothing.
  if (task == "questions") return {"model.kind=pretrained", "model.path=models/bert_tiny_mlm"};
  return {"model.kind=encoder-decoder", "model.hidden=64", "model.layers=1", "model.heads=4", "model.feed_forward=128", "model.longest=128"};
}

/// Rates that are tried, the same number for every arm. Bags of words of long texts need larger ones: a word is a
/// hundredth of its text's mean, and so is its gradient. Pretrained weights want smaller ones.
std::vector<double> rates_of(const Json& request) {
  if (request.contains("rates")) return request["rates"];
  if (request["client"] != "sgd") {
    const double scale = request.value("adamw_scale", 1.0);
    return {1e-3 * scale, 4e-3 * scale, 1.6e-2 * scale};
  }
  const double scale = request.value("sgd_scale", 1.0);
  return {0.3 * scale, scale, 3 * scale};
}

void add_training(const Json& request, double rate, double share, std::vector<std::string>& set) {
  const std::string strategy = request["strategy"], partition = request["partition"];
  const auto rounds = static_cast<int>(std::max(1.0, request["rounds"].get<int>() * share));
  set.push_back("train.optimizer=" + request["client"].get<std::string>());
  set.push_back(fmt::format("train.learning_rate={:g}", rate));
  set.push_back("train.batch_size=10");
  set.push_back("train.gradient_clip=1");
  set.push_back("train.threads=1");
  set.push_back(fmt::format("run.seed={}", request["seed"].get<int>()));
  if (strategy == "central") {
    // As many examples as the cohorts of all rounds go through on average, twice each.
    const double examples = double(rounds) * request["cohort"].get<double>() * request["examples"].get<double>() /
                            request["clients"].get<double>();
    set.push_back(fmt::format("train.steps={}", std::max(1, static_cast<int>(std::lround(2 * examples / 10)))));
    set.push_back("train.eval_every=0");
    return;
  }
  const auto colon = partition.find(':');
  for (const std::string& more :
       {"federated.partition=" + partition.substr(0, colon), "federated.alpha=" + partition.substr(colon + 1),
        fmt::format("federated.clients={}", request["clients"].get<int>()), fmt::format("federated.cohort={}", request["cohort"].get<int>()),
        fmt::format("federated.rounds={}", rounds), std::string("federated.local_epochs=2"), std::string("federated.weights=examples"),
        "federated.strategy=" + strategy, fmt::format("train.eval_every={}", request.value("eval_every", 2))}) {
    set.push_back(more);
  }
  if (strategy == "fedadam") {
    set.push_back("federated.server_learning_rate=0.03");
    set.push_back("federated.beta2=0.99");
  }
  if (strategy == "fedprox") set.push_back("federated.proximal=0.01");
}

Json run_arm(const Json& request, double rate, double share, std::vector<std::string> set, const fs::path& run,
             core::OperationContext& context) {
  add_training(request, rate, share, set);
  const bool central = request["strategy"] == "central";
  return call_operation(central ? "train" : "federated_simulate", {{"set", set}, {"run", run.string()}, {"force", true}}, context);
}

/// The rate with the best metric on the development data after half of the training.
double tuned_rate(const Json& request, const std::vector<std::string>& set, const fs::path& scratch, core::OperationContext& context,
                  Json& tried) {
  std::vector<std::string> tuning;
  std::string dev;
  for (const std::string& setting : set) {
    if (setting.starts_with("data.dev=")) dev = setting.substr(9);
  }
  for (const std::string& setting : set) {
    tuning.push_back(setting.starts_with("data.test=") ? "data.test=" + dev : setting);
  }
  double best_rate = 0, best = -HUGE_VAL;
  const std::string metric = request["metric"];
  for (const double rate : rates_of(request)) {
    double value = -HUGE_VAL;
    try {
      const fs::path run = scratch / "tuning";
      const Json document = run_arm(request, rate, 0.5, tuning, run, context);
      const Json& metrics = document.contains("final") ? document["final"]["metrics"] : document["metrics"];
      value = metrics.value(metric, -HUGE_VAL);
    } catch (const Error&) {
      if (context.stopping()) throw;  // a rate at which training diverges is not chosen
    }
    tried.push_back({{"rate", rate}, {"value", std::isfinite(value) ? Json(value) : Json()}});
    if (value > best) {
      best = value;
      best_rate = rate;
    }
  }
  if (best_rate == 0) throw Error(ErrorCode::kRuntime, "training diverged at every rate of the grid");
  return best_rate;
}

Json measure_arm(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  const std::string task = request["task"];
  std::vector<std::string> set = data_settings(task, request["examples"], request["seed"], scratch);
  for (const std::string& setting : model_settings(task)) set.push_back(setting);
  Json tried = Json::array();
  const double rate = tuned_rate(request, set, scratch, context, tried);
  const fs::path run = scratch / "run";
  const Json document = run_arm(request, rate, 1, set, run, context);
  const bool central = request["strategy"] == "central";
  Json result = {{"rate", rate}, {"tried", tried}, {"metrics", central ? document["metrics"] : document["final"]["metrics"]}};
  if (!central) {
    result["rounds"] = simulation_rounds(document);
    result["examples"] = document["final"]["examples"];
  }
  if (task != "questions" && task != "e2e_nlg") {
    const Json devices = call_operation("federated_evaluate",
                                        {{"run", run.string()}, {"by", "group"}, {"group", "group"}, {"out", (scratch / "groups.json").string()}}, context);
    const Json& groups = devices["metrics"]["groups"];
    if (groups["accuracy_difference"].is_number()) result["group_gap"] = groups["accuracy_difference"];
  }
  return result;
}

/// Patterns of what stays trainable above the frozen layers of a six-layer encoder.
std::vector<std::string> trainable_above(const std::string& frozen) {
  if (frozen == "nothing") return {};
  const int first = frozen == "E" ? 0 : frozen.back() - '0' + 1;
  std::vector<std::string> patterns = {"intent_head.*"};
  for (int layer = first; layer < 6; ++layer) patterns.push_back(fmt::format("encoder.block{}.*", layer));
  return patterns;
}

Json measure_freezing(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  std::vector<std::string> set = data_settings("20newsgroups", request["examples"], request["seed"], scratch, 300, 500);
  for (const std::string& more :
       {std::string("model.kind=pretrained"), std::string("model.path=models/minilm_l6_v2"), std::string("model.pooling=mean"),
        fmt::format("data.max_length={}", request["length"].get<int>())}) {
    set.push_back(more);
  }
  const auto patterns = trainable_above(request["frozen"]);
  if (!patterns.empty()) set.push_back("train.trainable=" + Json(patterns).dump());
  const int examples = request["examples"];
  // 20 clients, 5 of them in each of 6 rounds, twice over their data; central training sees as many examples.
  // What little is left to move wants larger steps, so that every level has its own rate.
  const Json arm = {{"strategy", request["where"] == "central" ? "central" : "fedavg"}, {"partition", "label-dirichlet:1"}, {"rounds", 6},
                    {"client", "adamw"}, {"metric", "accuracy"}, {"rates", request["rates"]}, {"seed", request["seed"]}, {"cohort", 5},
                    {"clients", 20}, {"examples", examples}, {"eval_every", 6}};
  Json tried = Json::array();
  const double rate = tuned_rate(arm, set, scratch, context, tried);
  const Json document = run_arm(arm, rate, 1, set, scratch / "run", context);
  const bool central = request["where"] == "central";
  return {{"rate", rate},
          {"tried", tried},
          {"accuracy", (central ? document["metrics"] : document["final"]["metrics"])["accuracy"]},
          {"values", central ? document.value("parameters", Json()) : document["final"]["values"]},
          {"bytes_up", central ? Json() : document["final"]["bytes_up"]}};
}

Json measure_fednlp(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  return request["kind"] == "freezing" ? measure_freezing(request, scratch, context) : measure_arm(request, scratch, context);
}

// ---- analysis ----

std::map<int, double> arm_values(const StudyResults& finished, const FedTask& task, const std::string& partition, const std::string& arm,
                                 const std::string& key) {
  std::map<int, double> values;
  for (int seed = 1; seed <= task.seeds; ++seed) {
    const auto cell = finished.find(fed_cell(task.name, partition, arm, seed));
    if (cell == finished.end()) continue;
    const Json& from = key == task.metric ? cell->second["metrics"] : cell->second;
    if (from.contains(key) && from[key].is_number()) values[seed] = from[key].get<double>();
  }
  return values;
}

Json arms_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const FedTask& task, const std::string& partition, const FedArm& arm) {
    const auto values = arm_values(finished, task, partition, arm.name, task.metric);
    std::string rates;
    std::set<double> chosen;
    for (const auto& [seed, rate] : arm_values(finished, task, partition, arm.name, "rate")) chosen.insert(rate);
    for (const double rate : chosen) rates += fmt::format("{}{:g}", rates.empty() ? "" : ", ", rate);
    rows.push_back({task.name, partition, arm.name, mean_with_interval(values, 3),
                    mean_with_interval(arm_values(finished, task, partition, arm.name, "group_gap"), 3), rates, std::to_string(values.size())});
    for (const auto& [seed, value] : values) {
      numbers.push_back({{"table", "arms"}, {"task", task.name}, {"partition", partition}, {"arm", arm.name}, {"seed", seed},
                         {"metric", task.metric}, {"value", value}});
    }
  };
  for (const FedTask& task : design.tasks) {
    for (const FedArm& arm : central_arms()) add(task, "all", arm);
    for (const std::string& partition : task.partitions) {
      for (const FedArm& arm : fed_arms()) add(task, partition, arm);
    }
  }
  return study_table("Every arm at its own tuned rate", {"task", "partition", "arm", "metric", "gap of groups", "rates chosen", "seeds"}, rows,
                     "Accuracy, entity F1, token F1 and ROUGE-L; means with 95 % t-intervals over seeds (partition and initial weights). Central "
                     "training sees as many examples as the cohorts hold. Groups: dialects of the corpus; news hierarchies; short and long sentences.");
}

/// Effects of the 2x2 of client optimiser and server rule, seed by seed (seed is the block).
struct FedEffects {
  std::vector<double> client, server, interaction, diagonal;
};

FedEffects effects_of(const StudyResults& finished, const FedTask& task, const std::string& partition) {
  FedEffects effects;
  const auto a = arm_values(finished, task, partition, "sgd+mean", task.metric), b = arm_values(finished, task, partition, "sgd+adaptive", task.metric);
  const auto c = arm_values(finished, task, partition, "adamw+mean", task.metric), d = arm_values(finished, task, partition, "adamw+adaptive", task.metric);
  for (const auto& [seed, plain] : a) {
    if (b.count(seed) == 0 || c.count(seed) == 0 || d.count(seed) == 0) continue;
    effects.client.push_back((c.at(seed) + d.at(seed) - plain - b.at(seed)) / 2);
    effects.server.push_back((b.at(seed) + d.at(seed) - plain - c.at(seed)) / 2);
    effects.interaction.push_back(d.at(seed) - c.at(seed) - b.at(seed) + plain);
    effects.diagonal.push_back(d.at(seed) - plain);
  }
  return effects;
}

Json effects_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const FedTask& task : design.tasks) {
    for (const std::string& partition : task.partitions) {
      const FedEffects effects = effects_of(finished, task, partition);
      rows.push_back({task.name, partition, mean_with_interval(std::span<const double>(effects.client), 3),
                      mean_with_interval(std::span<const double>(effects.server), 3),
                      mean_with_interval(std::span<const double>(effects.interaction), 3),
                      mean_with_interval(std::span<const double>(effects.diagonal), 3)});
      numbers.push_back({{"table", "effects"}, {"task", task.name}, {"partition", partition}, {"client", effects.client},
                         {"server", effects.server}, {"interaction", effects.interaction}, {"diagonal", effects.diagonal}});
    }
  }
  return study_table("What the client's optimiser does, and what the server's rule does",
                     {"task", "partition", "AdamW - SGD on clients", "adaptive - mean on the server", "interaction", "both together (published FedOPT - FedAvg)"},
                     rows, "Two-way layout with the seed as block: the mean of each contrast over seeds, with 95 % t-intervals.");
}

/// Central minus best federated arm, by seed.
std::vector<double> central_gaps(const StudyResults& finished, const FedTask& task, const std::string& partition) {
  std::vector<double> gaps;
  for (int seed = 1; seed <= task.seeds; ++seed) {
    double central = -HUGE_VAL, federated = -HUGE_VAL;
    for (const FedArm& arm : central_arms()) {
      const auto values = arm_values(finished, task, "all", arm.name, task.metric);
      if (values.count(seed) > 0) central = std::max(central, values.at(seed));
    }
    for (const FedArm& arm : fed_arms()) {
      const auto values = arm_values(finished, task, partition, arm.name, task.metric);
      if (values.count(seed) > 0) federated = std::max(federated, values.at(seed));
    }
    if (std::isfinite(central) && std::isfinite(federated)) gaps.push_back(central - federated);
  }
  return gaps;
}

Json gaps_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const FedTask& task : design.tasks) {
    for (const std::string& partition : task.partitions) {
      const auto gaps = central_gaps(finished, task, partition);
      rows.push_back({task.name, partition, mean_with_interval(std::span<const double>(gaps), 3), std::to_string(gaps.size())});
      numbers.push_back({{"table", "central"}, {"task", task.name}, {"partition", partition}, {"gaps", gaps}});
    }
  }
  return study_table("Central training minus the best federated arm", {"task", "partition", "difference", "seeds"}, rows,
                     "The best of seven arms against the best of two, each on the test data: this favours the federated side.");
}

Json freezing_table(const FednlpDesign& design, const StudyResults& finished, Json& numbers) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& frozen : design.frozen) {
    const auto central = finished.find(fed_cell("freezing", frozen, "central", 1)), federated = finished.find(fed_cell("freezing", frozen, "federated", 1));
    const auto accuracy = [&](const auto& cell) {
      if (cell == finished.end()) return std::string("not measured");
      return fmt::format("{:.3f} at {:g}", cell->second["accuracy"].template get<double>(), cell->second["rate"].template get<double>());
    };
    const bool known = federated != finished.end();
    rows.push_back({frozen, known ? fmt::format("{:.2f}", federated->second["values"].get<double>() / 1e6) : "not measured",
                    known ? fmt::format("{:.1f}", federated->second["bytes_up"].get<double>() / 1e6) : "not measured", accuracy(central), accuracy(federated)});
    if (known) numbers.push_back({{"table", "freezing"}, {"frozen", frozen}, {"federated", federated->second}});
  }
  return study_table("Freezing a six-layer encoder from below", {"frozen", "trainable, M", "MB up", "central accuracy, rate", "federated accuracy, rate"}, rows,
                     fmt::format("The sentence encoder all-MiniLM-L6-v2 with a new head on {} posts of 20newsgroups, cut at {} tokens, one seed, "
                                 "AdamW, each level at the best of three rates on development data; what is frozen is not sent.", design.frozen_examples, design.frozen_length));
}

Json fed_figure(const StudyResults& finished, const FedTask& task, const std::string& partition) {
  report::Curves curves{.title = fmt::format("{}, {}", task.name, partition),
                        .description = fmt::format("{} by round of each arm on {}, partition {}.", task.metric, task.name, partition),
                        .x_label = "round", .y_label = task.metric, .series = {}};
  for (const FedArm& arm : fed_arms()) {
    std::map<double, std::vector<double>> by_round;
    for (int seed = 1; seed <= task.seeds; ++seed) {
      const auto cell = finished.find(fed_cell(task.name, partition, arm.name, seed));
      if (cell == finished.end() || !cell->second.contains("rounds")) continue;
      const StudyCurve curve = simulation_curve(cell->second["rounds"], "round", "metric");
      for (std::size_t i = 0; i < curve.x.size(); ++i) by_round[curve.x[i]].push_back(curve.y[i]);
    }
    if (by_round.empty()) continue;
    report::Series series{.name = arm.name, .points = {}, .band = {}, .markers = {}};
    for (const auto& [round, values] : by_round) {
      double sum = 0;
      for (const double value : values) sum += value;
      series.points.push_back({round, sum / double(values.size())});
    }
    curves.series.push_back(std::move(series));
  }
  std::string file = fmt::format("fednlp-{}-{}", task.name, partition);
  std::replace(file.begin(), file.end(), ':', '-');
  return {{"name", file}, {"title", fmt::format("{} by round, {}, {}: means over seeds", task.metric, task.name, partition)},
          {"svg", report::curves(curves)}};
}

/// A claim that a mean is above 0.
Json sign_verdict(const std::string& claim, const std::vector<double>& values, const std::string& of) {
  const auto ci = values.empty() ? std::nullopt : stats::mean_interval(values).ci;
  const std::string verdict = !ci ? "inconclusive" : ci->low > 0 ? "reproduced" : ci->high < 0 ? "not reproduced" : "inconclusive";
  return study_verdict(claim, verdict, fmt::format("{}: {}", of, mean_with_interval(std::span<const double>(values), 3)));
}

Json fednlp_verdicts(const FednlpDesign& design, const StudyResults& finished) {
  Json verdicts = Json::array();
  const FedTask& news = design.tasks[0];  // the first task is the primary one
  const FedEffects effects = effects_of(finished, news, "label-dirichlet:1");
  verdicts.push_back(sign_verdict("Primary: an adaptive server rule helps on text classification", effects.server,
                                  fmt::format("main effect of the server rule, {}, alpha 1", news.name)));
  verdicts.push_back(sign_verdict("FedOPT beats FedAvg, as published (AdamW with an adaptive server against SGD with the mean)", effects.diagonal,
                                  "the diagonal of the 2x2, which mixes two changes"));
  for (const FedTask& task : design.tasks) {
    if (task.name == "e2e_nlg") continue;
    verdicts.push_back(sign_verdict("Federated training stays behind central training on " + task.name,
                                    central_gaps(finished, task, task.partitions.back()), task.partitions.back()));
  }
  const auto mild = arm_values(finished, news, "label-dirichlet:10", "sgd+mean", news.metric);
  const auto skewed = arm_values(finished, news, "label-dirichlet:0.1", "sgd+mean", news.metric);
  verdicts.push_back(sign_verdict("Label skew hurts: alpha 10 is better than 0.1", pair_seeds(mild, skewed).difference, "FedAvg with SGD clients"));
  const auto prox = arm_values(finished, news, "label-dirichlet:1", "sgd+prox", news.metric);
  const auto plain = arm_values(finished, news, "label-dirichlet:1", "sgd+mean", news.metric);
  const auto difference = pair_seeds(prox, plain).difference;
  verdicts.push_back(study_verdict("FedProx is about as good as FedAvg", difference.size() < 3 ? "inconclusive" : std::abs(stats::mean_interval(difference).mean) < 0.02 ? "reproduced" : "inconclusive",
                                   fmt::format("FedProx minus FedAvg, SGD clients, alpha 1: {}; about: within 0.02", mean_with_interval(std::span<const double>(difference), 3))));
  bool any_frozen = false;
  for (const std::string& frozen : design.frozen) any_frozen = any_frozen || finished.count(fed_cell("freezing", frozen, "federated", 1)) > 0;
  verdicts.push_back(study_verdict("Freezing the lower half costs little, freezing more collapses the federation alone", "not testable",
                                   any_frozen ? "the table shows a six-layer sentence encoder; the claim is of a masked language model, and one seed tells no difference"
                                              : "no cell of it is measured: it needs a pretrained six-layer encoder (models/minilm_l6_v2)"));
  verdicts.push_back(study_verdict("The published figures", "not testable", "models of 67 and 139 million weights on accelerators; the tasks here are stand-ins with small models"));
  return verdicts;
}

Json analyse_fednlp(StudyPreset preset, const StudyResults& finished) {
  const FednlpDesign design = fednlp_design(preset);
  Json numbers = Json::array(), figures = Json::array();
  Json tables = Json::array({effects_table(design, finished, numbers), gaps_table(design, finished, numbers), arms_table(design, finished, numbers),
                             freezing_table(design, finished, numbers)});
  for (const FedTask& task : design.tasks) {
    for (const std::string& partition : task.partitions) figures.push_back(fed_figure(finished, task, partition));
  }
  return {{"tables", tables},
          {"verdicts", fednlp_verdicts(design, finished)},
          {"results", numbers},
          {"pictures", figures},
          {"caveats",
           {"Small models stand in for DistilBERT and BART, and the built-in corpus (intents, slots) for the published tasks in the quick preset; "
            "few rounds favour what starts fast: see the curves.",
            "Each cell tunes its client rate on development data, three values at half of the rounds, the same for every arm; the adaptive "
            "server's rate is 0.03 and FedProx's mu 0.01 throughout.",
            "FedProx's mu is not tuned either: at rates of 3 to 30 a step of SGD takes a tenth or more of the way back to the server's weights, and to "
            "AdamW, whose steps do not shrink with the gradient, the term is as large as the small gradients of rare words. A smaller mu is FedAvg.",
            "SCAFFOLD stands in the SGD column only: its correction is of plain gradients.",
            "FedNLP's own \"FedOPT\" is a server SGD with AdamW clients; here adaptive is FedAdam, and the client's part is a factor of its own."}}};
}

Study make_fednlp() {
  return {.title = "Federated text tasks: client optimiser, server rule, skew",
          .question = "Which part of a federated algorithm helps on skewed text, how far is it from central training at equal examples, and how many "
                      "layers may be frozen? (FedNLP, Findings of NAACL 2022)",
          .cells = fednlp_cells,
          .measure = measure_fednlp,
          .analyse = analyse_fednlp};
}

}  // namespace
}  // namespace app

void register_study_fednlp(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "fednlp",
                .summary = "Client optimisers and server rules on skewed text tasks, against central training; freezing",
                .reference = "Lin et al. 2022 (FedNLP)",
                .make = app::MakeStudy(&app::make_fednlp)});
}

}  // namespace discreet
