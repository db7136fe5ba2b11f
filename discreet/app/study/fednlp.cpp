// S5: which part of a federated algorithm helps on skewed text, and how far is it from central training?
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/fednlp_study.h"
#include "discreet/app/internal/study_curves.h"
#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/core/registry.h"
#include "discreet/text/references.h"

namespace discreet {
namespace app {

namespace fs = std::filesystem;

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

namespace {

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
