// S4: does selecting devices by their activity help, and does it help more when data come over time?
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <fmt/format.h>

#include "discreet/app/data_sets.h"
#include "discreet/app/internal/selection_study.h"
#include "discreet/app/internal/study_curves.h"
#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/error.h"
#include "discreet/core/registry.h"
#include "discreet/text/corpus.h"
#include "discreet/text/reader.h"

namespace discreet {
namespace app {

namespace fs = std::filesystem;

SelectionDesign selection_design(StudyPreset preset) {
  if (preset == StudyPreset::kQuick) {
    return {.data = {{"zipf-0", 0, false}, {"zipf-1.2", 1.2, true}, {"plays", -1, true}},
            .selections = {"uniform", "activity", "log", "divfl"},
            .play_selections = {"uniform", "activity"},
            .seeds = 6, .play_seeds = 4, .divfl_seeds = 1, .rounds = 60, .play_rounds = 20, .lines = 4000, .devices = 160,
            .plays = 6, .play_hidden = 32, .evaluate_plays_every = 4};
  }
  return {.data = {{"zipf-0", 0, false}, {"zipf-0.6", 0.6, false}, {"zipf-1.2", 1.2, true}, {"plays", -1, true}},
          .selections = {"uniform", "activity", "log", "divfl"},
          .play_selections = {"uniform", "activity", "log", "divfl"},
          .seeds = 10, .play_seeds = 8, .divfl_seeds = 5, .rounds = 100, .play_rounds = 100, .lines = 13000, .devices = 650,
          .plays = 0, .play_hidden = 64, .evaluate_plays_every = 5};
}

std::string selection_cell(const std::string& data, const std::string& setting, const std::string& selection, int seed) {
  return fmt::format("{}-{}-{}-{}", data, setting, selection, seed);
}

namespace {

// Seeds outermost: where time runs out, whole seeds are missing.
std::vector<StudyCell> selection_cells(StudyPreset preset) {
  const SelectionDesign design = selection_design(preset);
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= std::max(design.seeds, design.play_seeds); ++seed) {
    for (const SelectionData& data : design.data) {
      for (const std::string& setting : kSelectionSettings) {
        for (const std::string& selection : design.selections_of(data)) {
          if (!design.is_planned(data, selection, seed)) continue;
          Json request = {{"data", data.name}, {"exponent", data.exponent}, {"setting", setting},
                          {"selection", selection}, {"seed", seed}};
          if (data.exponent < 0) {
            request.update({{"rounds", design.play_rounds}, {"plays", design.plays}, {"hidden", design.play_hidden},
                            {"evaluate_every", design.evaluate_plays_every}});
            if (selection == "divfl") request["signals"] = "last-seen";  // fresh ones cost 65 cohorts a round
          } else {
            request.update({{"rounds", design.rounds}, {"lines", design.lines}, {"devices", design.devices}});
            if (data.exponent == 0) request["lines_of_device"] = design.lines / design.devices;
          }
          cells.push_back({selection_cell(data.name, setting, selection, seed), std::move(request)});
        }
      }
    }
  }
  return cells;
}

/// Spoken lines of roles with at least 20 of them, every tenth for testing, as JSON lines.
void write_plays(const fs::path& folder, int plays) {
  const auto reader = text::make_reader("plays", resolve_data("shakespeare_plays/hamlet.txt", text::Split::kTrain).path.parent_path());
  std::map<std::string, std::vector<text::Example>> roles;
  std::set<std::string> seen;
  for (text::Example example; reader->next(example);) {
    const std::string play = example.user.substr(0, example.user.find('/'));
    if (plays > 0 && seen.size() == static_cast<std::size_t>(plays) && seen.count(play) == 0) break;
    seen.insert(play);
    roles[example.user].push_back(std::move(example));
  }
  std::ofstream train(folder / "train.jsonl"), test(folder / "test.jsonl");
  for (const auto& [role, lines] : roles) {
    if (lines.size() < 20) continue;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Json line = {{"text", lines[i].text}, {"user", role}, {"act", lines[i].groups.at("act")}};
      // The test lines of all are one in ten; one in forty suffices to follow a curve.
      if (i % 10 != 9) {
        train << line.dump() << '\n';
      } else if (i % 40 == 9) {
        test << line.dump() << '\n';
      }
    }
  }
}

std::vector<std::string> plays_settings(const Json& request, const fs::path& scratch) {
  write_plays(scratch, request["plays"]);
  return {"task=language-model",
          "data.train=" + (scratch / "train.jsonl").string(),
          "data.test=" + (scratch / "test.jsonl").string(),
          "data.format=jsonl",
          "data.tokenizer=character",
          "data.lowercase=true",
          "data.vocabulary=private",
          "data.group=[\"act\"]",
          "model.kind=gpt",
          "model.layers=1",
          "model.heads=2",
          "model.positions=rotary",
          fmt::format("model.hidden={}", request["hidden"].get<int>()),
          fmt::format("model.feed_forward={}", 2 * request["hidden"].get<int>()),
          "train.batch_size=10",
          "train.learning_rate=0.5",
          "train.gradient_clip=5",
          fmt::format("train.eval_every={}", request["evaluate_every"].get<int>())};
}

/// `count` lines of each device, evenly spaced over its own: devices that are alike in number too, not only in their chances.
std::vector<text::Example> equal_numbers(const std::vector<text::Example>& lines, std::size_t count) {
  std::map<std::string, std::size_t> held, seen;
  for (const text::Example& line : lines) ++held[line.extra.at("device")];
  std::vector<text::Example> kept;
  for (const text::Example& line : lines) {
    const std::string& device = line.extra.at("device");
    const std::size_t of = held[device], place = seen[device]++;
    if (of < count) throw internal_error(fmt::format("device {} of the control has {} lines, fewer than {}", device, of, count));
    if ((place + 1) * count / of > place * count / of) kept.push_back(line);
  }
  return kept;
}

/// Lines of the corpus with their device as the user, in the order of time. Training lines of the control are equally many on all
/// devices: dealt at random some devices would hold more by chance, which selection by activity finds.
void write_corpus(const Json& request, text::Split split, int lines, const fs::path& path) {
  const bool control = split == text::Split::kTrain && request.contains("lines_of_device");
  text::CorpusOptions options;
  options.lines = control ? 3 * lines : lines;  // three times as many: the poorest device has enough
  options.seed = static_cast<std::uint64_t>(100 + request["seed"].get<int>());
  options.split = split;
  options.devices = request["devices"];
  options.activity_exponent = request["exponent"];
  options.periods = 5;
  options.drift = 0.8;
  const auto reader = text::make_corpus_reader(options);
  std::vector<text::Example> examples;
  for (text::Example example; reader->next(example);) examples.push_back(std::move(example));
  if (control) examples = equal_numbers(examples, request["lines_of_device"]);
  std::ofstream out(path);
  for (const text::Example& example : examples) {
    out << Json({{"words", example.words}, {"label", example.label}, {"user", example.extra.at("device")},
                 {"dialect", example.groups.at("dialect")}}).dump() << '\n';
  }
}

std::vector<std::string> corpus_settings(const Json& request, const fs::path& scratch) {
  write_corpus(request, text::Split::kTrain, request["lines"], scratch / "train.jsonl");
  write_corpus(request, text::Split::kTest, 800, scratch / "test.jsonl");
  return {"task=text-classification",
          "data.train=" + (scratch / "train.jsonl").string(),
          "data.test=" + (scratch / "test.jsonl").string(),
          "data.format=jsonl",
          "data.group=[\"dialect\"]",
          "model.kind=bow",
          "model.embedding=32",
          "model.hidden=64",
          "train.batch_size=10",
          "train.learning_rate=1.0",
          "train.gradient_clip=1",
          "train.eval_every=1"};
}

Json measure_selection(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  const bool plays = request["exponent"].get<double>() < 0;
  std::vector<std::string> set = plays ? plays_settings(request, scratch) : corpus_settings(request, scratch);
  for (const char* common : {"train.optimizer=sgd", "train.threads=1", "federated.partition=natural", "federated.strategy=fedavg",
                             "federated.weights=examples", "federated.by=user", "federated.cohort=10"}) {
    set.push_back(common);
  }
  set.push_back(fmt::format("federated.local_epochs={}", plays ? 1 : 2));
  if (plays) set.push_back("federated.min_examples=18");
  set.push_back("federated.selection=" + request["selection"].get<std::string>());
  if (request.contains("signals")) set.push_back("federated.signals=" + request["signals"].get<std::string>());
  set.push_back(fmt::format("federated.rounds={}", request["rounds"].get<int>()));
  set.push_back(fmt::format("run.seed={}", request["seed"].get<int>()));
  if (request["setting"] == "continual") {  // five periods, and what was there is deleted when one ends
    set.push_back(plays ? "federated.period_by=act" : "federated.periods=5");
    set.push_back("federated.storage=window:1");
  }
  const std::string run = (scratch / "run").string();
  const Json document = call_operation("federated_simulate", {{"set", set}, {"run", run}}, context);
  const Json devices = call_operation(
      "federated_evaluate", {{"run", run}, {"by", "user"}, {"group", plays ? "act" : "dialect"},
                             {"per_client", true}, {"out", (scratch / "evaluation.json").string()}},
      context);
  const Json& final = document["final"];
  Json result = {{"rounds", simulation_rounds(document)},
                 {"loss", final["loss"]},
                 {"metric", final["metric"]},
                 {"metric_name", final["metric_name"]},
                 {"clients", final["clients"]},
                 {"gini", final["participation_gini"]},
                 {"never_selected", final["never_selected"]},
                 {"devices", devices["seen_by_simulator"]},
                 {"selection_cost", final.value("selection", Json())}};
  const Json& groups = devices["metrics"].value("groups", Json::object());
  if (groups.contains("accuracy_difference") && groups["accuracy_difference"].is_number()) {
    result["group_gap"] = groups["accuracy_difference"];
  }
  return result;
}

Study make_selection() {
  return {.title = "Selecting devices by activity, with all data at once and over time",
          .question = "Does selecting devices by how much they hold reach a loss sooner than selecting at random, does it more when data come and "
                      "go, and who pays for it? (\"Learnings from Federated Learning in the Real World\", 2022, arXiv 2202.03925)",
          .cells = selection_cells,
          .measure = measure_selection,
          .analyse = analyse_selection};
}

}  // namespace
}  // namespace app

void register_study_selection(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "selection",
                .summary = "Devices selected by activity, uniformly, by log activity and by DivFL; static and continual",
                .reference = "Dupuy et al. 2022, arXiv 2202.03925",
                .make = app::MakeStudy(&app::make_selection)});
}

}  // namespace discreet
