// S3: can a code that was typed in training be read back from the model, and which defence stops it?
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "discreet/app/canaries.h"
#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/registry.h"
#include "discreet/stats/corrections.h"
#include "discreet/stats/intervals.h"
#include "discreet/stats/two_samples.h"
#include "discreet/text/reader.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

constexpr double kCodes = 1e4;
constexpr double kReadBack = 0.3;      // share of rank 1 that "often" means, as the design states
constexpr double kStudyDelta = 1e-5;
constexpr int kLines = 2000, kBatch = 64, kEpochs = 20;
const char* const kPattern = "call {digit:4}";
const char* const kOtherPattern = "my pin code is {digit:4}";

/// One way to train.
struct CanaryArm {
  std::string name;
  bool dropout = false, early_stopping = false, characters = false;
  std::optional<double> epsilon;
  int repetitions = 100;
  std::string pattern = kPattern;
  bool control = false;  ///< The code is not in the data.

  bool defended() const { return dropout || early_stopping || characters || epsilon; }
};

struct CanaryDesign {
  std::vector<CanaryArm> arms;
  std::vector<std::string> data;
  int runs;
};

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
           {.name = "none-once", .repetitions = 1}, {.name = "none-10", .repetitions = 10},
           {.name = "none-pin", .pattern = kOtherPattern}, control},
          {"snips", "assistant"},
          60};
}

std::string canary_cell_name(const std::string& data, const CanaryArm& arm, int run) {
  std::string name = fmt::format("{}-{}-{}", data, arm.name, run);
  std::replace(name.begin(), name.end(), '+', '.');  // it names a file
  return name;
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

std::vector<std::string> training_settings(const Json& request, const fs::path& scratch) {
  const bool characters = request["characters"];
  const bool is_private = !request["epsilon"].is_null();
  const std::string data = request["data"];
  const bool snips = data == "snips";
  std::vector<std::string> set = {
      "task=tagging",
      "data.train=" + (scratch / "data.jsonl").string(),
      std::string("data.dev=") + (snips ? "snips:dev" : "assistant:lines=500,seed=77"),
      std::string("data.test=") + (snips ? "snips:test" : "assistant:lines=500,seed=78"),
      "data.vocabulary=" + (scratch / "words.txt").string(),
      std::string("model.kind=") + (characters ? "bilstm-cnn-crf" : "bilstm-crf"),
      "model.embedding=64",
      "model.hidden=64",
      "train.threads=1",
      fmt::format("train.epochs={}", kEpochs),
      fmt::format("run.seed={}", request["run"].get<int>())};
  if (characters) set.insert(set.end(), {"model.char_embedding=25", "model.char_filters=25"});
  if (request["dropout"]) set.emplace_back("model.dropout=0.5");
  if (request["early_stopping"]) set.insert(set.end(), {"train.metric=loss", "train.patience=2"});
  if (is_private) {
    for (const std::string& setting : {std::string("privacy.mechanism=dp-sgd"), fmt::format("privacy.epsilon={:g}", request["epsilon"].get<double>()),
                                       fmt::format("privacy.delta={:g}", kStudyDelta), std::string("privacy.clip_norm=1"),
                                       std::string("train.batch_size=256"), std::string("train.learning_rate=5e-3")}) {
      set.push_back(setting);
    }
  } else {
    set.push_back(fmt::format("train.batch_size={}", kBatch));
    set.emplace_back("train.learning_rate=2e-3");
  }
  return set;
}

Json measure_canary(const Json& request, const fs::path& scratch, core::OperationContext& context) {
  PlantRequest plant;
  plant.data = request["data"] == "snips" ? "snips" : fmt::format("assistant:lines={}", kLines);
  if (request["data"] == "snips") plant.lines = kLines;
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
  const Json trained = call_operation("train", {{"set", training_settings(request, scratch)}, {"run", run}}, context);
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

// ---- analysis ----

/// What the runs of one arm came to.
struct ArmResult {
  const CanaryArm* arm = nullptr;
  std::vector<double> ranks, f1, seconds, hamming;
  std::vector<double> epsilons;
  std::map<std::string, std::uint64_t> right;  ///< By attack.
  std::uint64_t first = 0;                     ///< Runs whose code has rank 1.
  std::uint64_t runs() const { return ranks.size(); }
};

ArmResult collect_arm(const CanaryDesign& design, const StudyResults& finished, const std::string& data, const CanaryArm& arm) {
  ArmResult out{.arm = &arm};
  for (int run = 1; run <= design.runs; ++run) {
    const auto cell = finished.find(canary_cell_name(data, arm, run));
    if (cell == finished.end()) continue;
    const Json& result = cell->second;
    out.ranks.push_back(result["rank"].get<double>());
    out.first += result["rank"] == 1 ? 1 : 0;
    if (result["slot_f1"].is_number()) out.f1.push_back(result["slot_f1"].get<double>());
    out.seconds.push_back(result["seconds"].get<double>());
    if (result["epsilon"].is_number()) out.epsilons.push_back(result["epsilon"].get<double>());
    for (const auto& [attack, found] : result["attacks"].items()) out.right[attack] += found["right"].get<bool>() ? 1 : 0;
    out.hamming.push_back(result["attacks"]["relaxed"]["hamming"].get<double>());
  }
  return out;
}

double middle_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::string share_text(std::uint64_t hits, std::uint64_t n) {
  const stats::Interval ci = stats::clopper_pearson(hits, n);
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", static_cast<double>(hits) / static_cast<double>(n), ci.low, ci.high);
}

/// Epsilon of all lines of one code together.
std::string group_text(const CanaryArm& arm, const std::vector<double>& epsilons) {
  if (!arm.epsilon || epsilons.empty()) return "-";
  const double epsilon = mean_of(epsilons), all = epsilon * arm.repetitions;
  const double log_delta = std::log(kStudyDelta) + all - epsilon;
  return fmt::format("{:.2f}; {} lines: {:.0f}, {}", epsilon, arm.repetitions, all,
                     log_delta >= 0 ? "delta above 1: vacuous" : fmt::format("delta {:.1e}", std::exp(log_delta)));
}

Json arms_table(const std::string& data, const std::vector<ArmResult>& arms, Json& results) {
  const ArmResult* none = nullptr;
  for (const ArmResult& arm : arms) none = arm.arm->name == "none" ? &arm : none;
  // Holm over the defences' tests against `none`.
  std::vector<double> p_values;
  for (const ArmResult& arm : arms) {
    if (arm.arm->defended() && none != nullptr) {
      p_values.push_back(stats::fisher_exact(none->first, none->runs(), arm.first, arm.runs()).greater);
    }
  }
  const std::vector<double> adjusted = stats::holm(p_values);
  std::vector<std::vector<std::string>> rows;
  std::size_t test = 0;
  for (const ArmResult& arm : arms) {
    std::vector<double> exposures;
    for (const double rank : arm.ranks) exposures.push_back(std::log2(kCodes / rank));
    const stats::MeanEstimate exposure = stats::mean_interval(exposures);
    std::vector<std::string> row = {
        arm.arm->name, std::to_string(arm.arm->repetitions), std::to_string(arm.runs()), share_text(arm.first, arm.runs()),
        fmt::format("{:g}", middle_of(arm.ranks)),
        exposure.ci ? fmt::format("{:.1f} [{:.1f}, {:.1f}]", exposure.mean, exposure.ci->low, exposure.ci->high) : fmt::format("{:.1f}", exposure.mean),
        share_text(arm.right.at("relaxed"), arm.runs()), fmt::format("{:.2f}", mean_of(arm.hamming)),
        arm.f1.empty() ? "-" : fmt::format("{:.3f}", mean_of(arm.f1))};
    Json result = {{"table", "arms"}, {"data", data}, {"arm", arm.arm->name}, {"repetitions", arm.arm->repetitions}, {"n", arm.runs()},
                   {"rank_1", arm.first}, {"median_rank", middle_of(arm.ranks)}, {"mean_exposure", exposure.mean}, {"right", arm.right}};
    if (arm.arm->defended() && none != nullptr) {
      const double larger = stats::mann_whitney(arm.ranks, none->ranks).greater;
      row.push_back(fmt::format("{:.4f}", adjusted[test]));
      row.push_back(fmt::format("{:.4f}", larger));
      result["fisher_holm_p"] = adjusted[test];
      result["mann_whitney_p"] = larger;
      ++test;
    } else {
      row.insert(row.end(), {"-", "-"});
    }
    row.push_back(group_text(*arm.arm, arm.epsilons));
    rows.push_back(std::move(row));
    results.push_back(std::move(result));
  }
  return study_table(
      fmt::format("Codes read back, {}", data),
      {"arm", "lines of the code", "runs", "code of rank 1", "median rank of 10,000", "mean exposure, bits", "published attack: all right",
       "its wrong places", "slot F1", "p against none (Holm)", "p of larger ranks", "epsilon"},
      rows,
      "A run is one model with a code of its own. Shares with Clopper-Pearson intervals, exposure with a t-interval, over runs. "
      "By chance: rank 1 in .0001 of the runs, half of 10,000 on average, .90 of the places wrong. p: Fisher's exact test on rank 1, "
      "one-sided, Holm over the defences; Mann-Whitney on ranks, one-sided. Epsilon: per line, delta 1e-5, and for all lines of a "
      "code together by group privacy.");
}

/// All attacks beside the bound that no attack on the loss can pass.
Json attacks_table(const std::string& data, const std::vector<ArmResult>& arms) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> header = {"arm"};
  for (const ArmResult& arm : arms) {
    if (header.size() == 1) {
      for (const auto& [attack, right] : arm.right) header.push_back(attack);
    }
    std::vector<std::string> row = {arm.arm->name};
    for (const auto& [attack, right] : arm.right) row.push_back(fmt::format("{} of {}", right, arm.runs()));
    rows.push_back(std::move(row));
  }
  return study_table(fmt::format("Codes found whole by each attack, {}", data), header, rows,
                     "exhaustive is the upper bound of all attacks on the loss; where two codes have the same loss it may name the other one.");
}

/// Whether ranks of codes that nobody typed look like draws, on data whose lines hold made-up words instead.
Json control_table(const std::vector<std::pair<std::string, const ArmResult*>>& controls, Json& results) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [data, arm] : controls) {
    std::vector<double> shares;
    for (const double rank : arm->ranks) shares.push_back((rank - 0.5) / kCodes);
    const stats::Uniformity test = stats::uniformity(shares);
    rows.push_back({data, std::to_string(arm->runs()), fmt::format("{:g}", middle_of(arm->ranks)),
                    fmt::format("{:.3f}", test.statistic), fmt::format("{:.3f}", test.p_value), std::to_string(arm->first)});
    results.push_back({{"table", "control"}, {"data", data}, {"n", arm->runs()}, {"p", test.p_value}, {"statistic", test.statistic}});
  }
  return study_table("Models that never saw the code", {"data", "runs", "median rank", "largest distance from uniform", "p of uniform ranks", "rank 1"},
                     rows, "Kolmogorov's test, exact. A small p would say that codes leak from elsewhere, or that the ranking prefers some.");
}

Json read_back_verdict(const ArmResult* none) {
  const std::string claim = "Four-digit codes typed 100 times can be read back from an unprotected tagger";
  if (none == nullptr || none->runs() == 0) return study_verdict(claim, "inconclusive", "cells are missing");
  const stats::Interval ci = stats::clopper_pearson(none->first, none->runs());
  const std::string why = fmt::format("share of rank 1: {} over {} runs; the claim asks for a lower end of at least {:g}",
                                      share_text(none->first, none->runs()), none->runs(), kReadBack);
  return study_verdict(claim, ci.low >= kReadBack ? "reproduced" : ci.high < kReadBack ? "not reproduced" : "inconclusive", why);
}

Json defence_verdict(const ArmResult* all) {
  const std::string claim = "Dropout, early stopping and character embeddings together bring extraction to chance";
  if (all == nullptr || all->runs() == 0) return study_verdict(claim, "inconclusive", "cells are missing");
  const stats::Interval ci = stats::clopper_pearson(all->first, all->runs());
  const std::string why = fmt::format("rank 1 in {} of {} runs, upper end {:.3f}; chance is .0001, which no such number of runs can show", all->first,
                                      all->runs(), ci.high);
  if (ci.low > 1 / kCodes) return study_verdict(claim, "not reproduced", why);
  return study_verdict(claim, all->runs() >= 60 ? "reproduced" : "inconclusive", why);
}

Json analyse_canaries(StudyPreset preset, const StudyResults& finished) {
  const CanaryDesign design = canary_design(preset);
  Json results = Json::array(), tables = Json::array(), verdicts = Json::array();
  std::map<std::string, std::vector<ArmResult>> by_data;
  std::vector<std::pair<std::string, const ArmResult*>> controls;
  const ArmResult *none = nullptr, *all = nullptr;
  for (const std::string& data : design.data) {
    for (const CanaryArm& arm : design.arms) {
      ArmResult result = collect_arm(design, finished, data, arm);
      if (result.runs() > 0) by_data[data].push_back(std::move(result));
    }
    if (by_data[data].empty()) continue;
    for (const ArmResult& arm : by_data[data]) {
      if (arm.arm->control) controls.emplace_back(data, &arm);
      if (data != design.data.front()) continue;  // the primary data
      if (arm.arm->name == "none") none = &arm;
      if (arm.arm->name == "all-three") all = &arm;
    }
    tables.push_back(arms_table(data, by_data[data], results));
    tables.push_back(attacks_table(data, by_data[data]));
  }
  if (!controls.empty()) tables.push_back(control_table(controls, results));
  verdicts.push_back(read_back_verdict(none));
  verdicts.push_back(defence_verdict(all));
  verdicts.push_back(study_verdict("The published figures on ATIS, and those of colours", "not testable",
                                   "the paper's tables and vectors are not at hand; this study's vectors are learnt with the model"));
  return {{"tables", tables},
          {"verdicts", verdicts},
          {"results", results},
          {"caveats",
           {fmt::format("{} lines and one code in so many more; BiLSTM of 64 states and 64-wide vectors that are learnt, a random field over the tags, {} "
                        "epochs of Adam; \"characters\" adds a convolution over each word's characters. Early stopping: two epochs without a lower loss on development data. Development and test data hold no code.",
                        kLines, kEpochs),
            "The vocabulary is given: all words of the data and all digits, so that no word's absence tells anything.",
            "Hyper-parameters were fixed beforehand, the same for all arms without privacy; DP-SGD has a larger batch and rate.",
            "A low share says that the loss gives nothing away to these attacks, and bounds no other attack."}}};
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
