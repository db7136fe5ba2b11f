// S3: can a code that was typed in training be read back from the model, and which defence stops it?
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "discreet/app/canaries.h"
#include "discreet/app/internal/canary_study.h"
#include "discreet/app/loader.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "discreet/text/reader.h"

namespace discreet {
namespace app {

CanaryDesign canary_design(StudyPreset preset) {
  const CanaryArm none{.name = "none"}, dropout{.name = "dropout", .dropout = true},
      early{.name = "early-stopping", .early_stopping = true}, characters{.name = "characters", .characters = true},
      all{.name = "all-three", .dropout = true, .early_stopping = true, .characters = true},
      control{.name = "control", .control = true};
  const auto private_arm = [](double epsilon) {
    return CanaryArm{.name = fmt::format("dp-sgd-{:g}", epsilon), .epsilon = epsilon};
  };
  if (preset == StudyPreset::kQuick) return {{none, dropout, all, private_arm(50), control}, {"assistant"}, 10};
  return {{none, dropout, early, characters,
           {.name = "dropout+early-stopping", .dropout = true, .early_stopping = true},
           {.name = "dropout+characters", .dropout = true, .characters = true},
           {.name = "early-stopping+characters", .early_stopping = true, .characters = true},
           all, private_arm(3), private_arm(50), 
           {.name = "dp-sgd-8-10", .epsilon = 8, .repetitions = 10}, {.name = "dp-sgd-8-once", .epsilon = 8, .repetitions = 1},
           {.name = "none-once", .repetitions = 1}, {.name = "none-10", .repetitions = 10},
           {.name = "none-pin", .pattern = "my pin code is {digit:4}"}, control},
          {"snips", "assistant"},
          60};
}

std::string canary_cell_name(const std::string& data, const CanaryArm& arm, int run) {
  std::string name = fmt::format("{}-{}-{}", data, arm.name, run);
  std::replace(name.begin(), name.end(), '+', '.');  // it names a file
  return name;
}

namespace {

namespace fs = std::filesystem;

constexpr const char* kGloveVectors = "glove_6b_100d/glove.6B.100d.top50k.txt.gz";

/// All but where the data and the words lie, which differs from cell to cell.
std::vector<std::string> canary_settings(const std::string& data, const CanaryArm& arm, int run) {
  const bool snips = data == "snips";
  std::vector<std::string> set = {
      "task=tagging",
      std::string("data.dev=") + (snips ? "snips:dev" : "assistant:lines=500,seed=77"),
      std::string("data.test=") + (snips ? "snips:test" : "assistant:lines=500,seed=78"),
      std::string("model.kind=") + (arm.characters ? "bilstm-cnn-crf" : "bilstm-crf"),
      "model.hidden=64",
      "train.threads=1",
      fmt::format("run.seed={}", run)};
  // As published, word vectors are given and stay as they are; the built-in corpus needs nothing, so there they are learnt.
  if (snips) {
    set.insert(set.end(), {fmt::format("model.vectors={}", kGloveVectors), "model.vectors_frozen=true"});
  } else {
    set.emplace_back("model.embedding=64");
  }
  if (arm.characters) set.insert(set.end(), {"model.char_embedding=50", "model.char_filters=50"});
  if (arm.dropout) set.emplace_back("model.dropout=0.5");
  if (arm.early_stopping) set.insert(set.end(), {"train.metric=loss", fmt::format("train.patience={}", CanarySizes::patience)});
  if (arm.epsilon) {
    for (const std::string& setting : {std::string("privacy.mechanism=dp-sgd"), fmt::format("privacy.epsilon={:g}", *arm.epsilon),
                                       fmt::format("privacy.delta={:g}", CanarySizes::delta), std::string("privacy.clip_norm=1"),
                                       fmt::format("train.batch_size={}", CanarySizes::private_batch), fmt::format("train.steps={}", CanarySizes::private_steps),
                                       std::string("train.learning_rate=1e-2")}) {
      set.push_back(setting);
    }
  } else {
    // The rate at which the loss on development data has its minimum well before the last epoch: else nothing stops early.
    set.insert(set.end(), {fmt::format("train.batch_size={}", CanarySizes::batch), fmt::format("train.epochs={}", CanarySizes::epochs), "train.learning_rate=5e-3"});
  }
  return set;
}

std::vector<StudyCell> canary_cells(StudyPreset preset) {
  const CanaryDesign design = canary_design(preset);
  std::vector<StudyCell> cells;
  // Runs outermost: where time runs out, whole runs are missing.
  for (const std::string& data : design.data) {
    for (int run = 1; run <= design.runs; ++run) {
      for (const CanaryArm& arm : design.arms) {
        cells.push_back({canary_cell_name(data, arm, run),
                         {{"data", data},
                          {"run", run},
                          {"dropout", arm.dropout},
                          {"early_stopping", arm.early_stopping},
                          {"characters", arm.characters},
                          {"epsilon", arm.epsilon ? Json(*arm.epsilon) : Json()},
                          {"repetitions", arm.repetitions},
                          {"pattern", arm.pattern},
                          {"set", canary_settings(data, arm, run)},
                          {"control", arm.control}}});
      }
    }
  }
  return cells;
}

/// The words of the data and every candidate, so that the vocabulary says nothing of the code.
void write_vocabulary(const fs::path& data, const std::string& pattern, const fs::path& out) {
  std::set<std::string> words;
  const auto reader = text::make_reader("", data);
  text::Example example;
  while (reader->next(example)) words.insert(example.words.begin(), example.words.end());
  for (const auto& place : text::parse_canary_pattern(pattern).candidates) words.insert(place.begin(), place.end());
  std::string lines;
  for (const std::string& word : words) lines += word + "\n";
  core::write_file_atomically(out, lines);
}

Json measure_canary(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  PlantRequest plant;
  plant.data = request["data"] == "snips" ? "snips" : fmt::format("assistant:lines={}", CanarySizes::lines);
  if (request["data"] == "snips") plant.lines = CanarySizes::lines;
  plant.out = scratch / "data.jsonl";
  plant.patterns = {request["pattern"].get<std::string>()};
  plant.repetitions = request["repetitions"];
  plant.slot = "canary";
  plant.seed = static_cast<std::uint64_t>(request["run"].get<int>());
  if (request["control"]) {
    plant.inclusion = 0;
    plant.decoy = "call {token:4}";
  }
  plant_canaries(plant);
  write_vocabulary(plant.out, plant.patterns.front(), scratch / "words.txt");
  const std::string run = (scratch / "run").string();
  Json set = request["set"];
  set.push_back("data.train=" + plant.out.string());
  set.push_back("data.vocabulary=" + (scratch / "words.txt").string());
  const Json trained = call_operation("train", {{"set", set}, {"run", run}}, context);
  const Json attacked = call_operation(
      "extract", {{"run", run}, {"canaries", (scratch / "data.canaries.json").string()}, {"seed", request["run"]}}, context);
  const Json& canary = attacked["canaries"][0];
  Json result = {{"rank", canary["rank"]},
                 {"slot_f1", trained["metrics"].value("entity_f1", Json())},
                 {"seconds", trained["seconds"]},
                 {"epsilon", trained["epsilon"]}};
  for (const auto& [attack, found] : canary["attacks"].items()) {
    result["attacks"][attack] = {{"right", found["right"]}, {"hamming", found["hamming"]}, {"rank", found["rank_of_answer"]}};
  }
  return result;
}

Study make_canary_study() {
  return {"Canary extraction and defences",
          "Can a code that was typed in training be read back from the model, and which defence stops it? (Parikh, Dupuy and Gupta 2022)",
          canary_cells, measure_canary, analyse_canaries};
}

}  // namespace
}  // namespace app

void register_study_canary(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "canary",
                .summary = "Codes read back from taggers, with and without defences",
                .reference = "Parikh, Dupuy and Gupta 2022",
                .fields = {},
                .make = app::MakeStudy(&app::make_canary_study)});
}

}  // namespace discreet
