// What small models trained here reach on the text tasks, with and without privacy.
#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/registry.h"
#include "discreet/stats/intervals.h"

namespace discreet {
namespace app {
namespace {

/// What a preset changes of a recipe.
struct Changes {
  std::vector<std::string> quick, full;
};

/// One data set: the recipes that learn it and what is said of them.
struct TaskRow {
  const char *task, *data, *recipe, *private_recipe;  // no private recipe: empty
  const char* metric;
  Changes ordinary, hidden;    // of the two recipes; `hidden`: of the private one
  const char* also = "";       // other data to evaluate the ordinary model on
  const char* published = "";  // what others reached, and where
  double level = 0;            // the same as a number; 0: none
};

// The full preset shortens what would take a cell more than three minutes of one thread.
const std::vector<TaskRow>& task_rows() {
  static const std::vector<TaskRow> rows = {
      {"classification", "20newsgroups", "newsgroups", "newsgroups-dp", "accuracy",
       {{"train.epochs=5"}, {}}, {{"train.steps=150"}, {}}},
      {"classification", "sst2", "sst2", "sst2-dp", "accuracy", {{"train.epochs=1"}, {}}, {{"train.steps=80"}, {}},
       "", "0.872, Kim 2014, CNN", 0.872},
      {"classification", "trec", "trec", "trec-dp", "accuracy", {{"train.epochs=6"}, {}}, {{"train.steps=120"}, {}},
       "", "0.936, Kim 2014, CNN", 0.936},
      {"classification", "imdb", "imdb", "imdb-dp", "accuracy", {{"train.epochs=2"}, {}}, {{"train.steps=100"}, {}},
       "", "0.878, Maas et al. 2011, bag of words", 0.878},
      {"tagging", "wnut17", "wnut17", "", "entity_f1", {{"train.epochs=4"}, {}}, {},
       "", "0.419, Aguilar et al. 2017, best of the task", 0.419},
      {"answers", "questions (built in)", "questions-tiny", "questions-dp", "f1", {{"train.epochs=1"}, {}},
       {{"data.train=questions:lines=5000", "data.test=questions:lines=400", "train.steps=20"},
        {"data.train=questions:lines=5000", "data.test=questions:lines=400", "train.steps=20"}}, "xquad"},
      {"texts for texts", "e2e_nlg", "e2e", "e2e-dp", "rouge_l",
       {{"data.train=e2e_nlg:dev", "data.dev=", "train.steps=220"}, {"data.dev=", "train.steps=250"}},
       {{"data.train=e2e_nlg:dev", "data.dev=", "train.steps=37", "train.batch_size=256"},
        {"data.dev=", "train.steps=20"}}},
      {"language model", "wikitext2", "wikitext2", "wikitext2-dp", "perplexity",
       {{"data.train=wikitext2:dev", "data.dev=", "train.steps=210"},
        {"data.dev=", "data.max_vocabulary=8192", "train.steps=200"}},
       {{"data.train=wikitext2:dev", "train.steps=30"}, {"train.steps=15"}}},
      {"language model", "shakespeare, characters", "shakespeare", "", "bits_per_byte",
       {{"data.train=shakespeare_plays/hamlet.txt", "data.dev=", "train.steps=45"},
        {"data.dev=", "train.batch_size=16", "train.steps=250"}}, {}},
      {"masked model", "wikitext2", "wikitext2-masked", "wikitext2-masked-dp", "loss",
       {{"data.train=wikitext2:dev", "data.dev=", "train.steps=120", "model.layers=2"},
        {"data.dev=", "model.layers=2", "train.steps=200"}},
       {{"data.train=wikitext2:dev", "train.steps=20"}, {"train.steps=12"}}}};
  return rows;
}

/// Heads for SNIPS on an encoder that stays as it is, at several budgets.
struct SnipsArm {
  const char *name, *recipe;
  double epsilon;          // 0: without privacy
  double intent_aim = 0;   // 0: none
  std::vector<std::string> set{};
};

const std::vector<SnipsArm>& snips_arms() {
  static const std::vector<SnipsArm> arms = {
      {"snips-minilm", "snips-minilm", 0},
      {"snips-minilm-8", "snips-minilm-dp", 8, 0.97, {"privacy.epsilon=8"}},
      {"snips-minilm-3", "snips-minilm-dp", 3, 0.965, {"privacy.epsilon=3"}},
      {"snips-minilm-1", "snips-minilm-dp", 1, 0.955, {"privacy.epsilon=1"}}};
  return arms;
}

int seeds_of(StudyPreset preset) { return preset == StudyPreset::kQuick ? 1 : 5; }

std::string cell_name(const std::string& recipe, int seed) { return fmt::format("{}-{}", recipe, seed); }

Json task_request(const std::string& recipe, const std::vector<std::string>& changes, const char* also, int seed) {
  return {{"recipe", recipe}, {"set", changes}, {"also", also}, {"seed", seed}};
}

const std::vector<std::string>& changes_of(StudyPreset preset, const Changes& changes) {
  return preset == StudyPreset::kQuick ? changes.quick : changes.full;
}

// Seeds outermost: where time runs out, whole seeds are missing. The arms on the frozen encoder last: in the
// quick preset they are left out, since putting every utterance through it is most of what they cost.
std::vector<StudyCell> task_cells(StudyPreset preset) {
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= seeds_of(preset); ++seed) {
    for (const TaskRow& row : task_rows()) {
      const std::string recipe = row.recipe, twin = row.private_recipe;
      cells.push_back(
          {cell_name(recipe, seed), task_request(recipe, changes_of(preset, row.ordinary), row.also, seed)});
      if (twin.empty()) continue;
      cells.push_back({cell_name(twin, seed), task_request(twin, changes_of(preset, row.hidden), "", seed)});
    }
  }
  for (int seed = 1; preset == StudyPreset::kFull && seed <= seeds_of(preset); ++seed) {
    for (const SnipsArm& arm : snips_arms()) {
      cells.push_back({cell_name(arm.name, seed), task_request(arm.recipe, arm.set, "", seed)});
    }
  }
  return cells;
}

Json measure_task(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context) {
  const std::string run = (scratch / "run").string();
  std::vector<std::string> set = request["set"];
  set.push_back(fmt::format("run.seed={}", request["seed"].get<int>()));
  const Json trained = call_operation(
      "train", {{"recipe", request["recipe"]}, {"set", set}, {"run", run}, {"share_frozen_rows", true}}, context);
  Json result = {{"metrics", trained["metrics"]},
                 {"n", trained.value("n", Json())},
                 {"steps", trained["steps"]},
                 {"seconds", trained["seconds"]},
                 {"epsilon", trained["epsilon"]}};
  if (const std::string also = request["also"]; !also.empty()) {
    result["also"] = call_operation("eval", {{"run", run}, {"data", also}}, context)["metrics"];
  }
  return result;
}

std::vector<double> values_of(StudyPreset preset, const StudyResults& finished, const std::string& recipe,
                              const std::string& group, const std::string& name) {
  std::vector<double> values;
  for (int seed = 1; seed <= seeds_of(preset); ++seed) {
    const auto found = finished.find(cell_name(recipe, seed));
    if (found == finished.end()) continue;
    const Json& of = group.empty() ? found->second : found->second.value(group, Json::object());
    if (of.contains(name) && of[name].is_number()) values.push_back(of[name].get<double>());
  }
  return values;
}

int digits_of(const std::string& metric) { return metric == "perplexity" ? 1 : 3; }

std::vector<std::string> table_row(StudyPreset preset, const StudyResults& finished, const TaskRow& row) {
  const int digits = digits_of(row.metric);
  const std::string twin = row.private_recipe;
  const auto ordinary = values_of(preset, finished, row.recipe, "metrics", row.metric);
  const auto seconds = values_of(preset, finished, row.recipe, "", "seconds");
  return {row.task,
          row.data,
          row.metric,
          mean_with_interval(ordinary, digits),
          twin.empty() ? "none" : mean_with_interval(values_of(preset, finished, twin, "metrics", row.metric), digits),
          row.published,
          mean_with_interval(seconds, 0),
          twin.empty() ? "" : mean_with_interval(values_of(preset, finished, twin, "", "seconds"), 0),
          std::to_string(ordinary.size())};
}

// The quick preset trains shorter than the recipes: what falls short of a level there says nothing of them.
Json level_verdict(StudyPreset preset, const TaskRow& row, const std::vector<double>& values) {
  constexpr double kNear = 0.03;
  const std::string claim = fmt::format("{} is within {:g} of its published level ({})", row.data, kNear, row.published);
  if (values.empty()) return study_verdict(claim, "inconclusive", "not measured");
  const double mean = stats::mean_interval(values).mean;
  const char* below = preset == StudyPreset::kQuick ? "inconclusive" : "not reproduced";
  return study_verdict(claim, mean >= row.level - kNear ? "reproduced" : below,
                       fmt::format("{} {} over {} seed(s)", row.metric, mean_with_interval(values, 3), values.size()));
}

/// Rows of the table on the frozen encoder, with verdicts on its aims.
std::vector<std::vector<std::string>> snips_rows(StudyPreset preset, const StudyResults& finished, Json& verdicts,
                                                 Json& results) {
  std::vector<std::vector<std::string>> rows;
  const auto ordinary = values_of(preset, finished, snips_arms().front().name, "metrics", "slot_f1");
  for (const SnipsArm& arm : snips_arms()) {
    const auto intents = values_of(preset, finished, arm.name, "metrics", "intent_accuracy");
    const auto slots = values_of(preset, finished, arm.name, "metrics", "slot_f1");
    for (const double value : intents) {
      results.push_back({{"recipe", arm.name}, {"data", "snips"}, {"metric", "intent_accuracy"}, {"value", value}});
    }
    for (const double value : slots) {
      results.push_back({{"recipe", arm.name}, {"data", "snips"}, {"metric", "slot_f1"}, {"value", value}});
    }
    rows.push_back({arm.epsilon > 0 ? fmt::format("{:g}", arm.epsilon) : "none", mean_with_interval(intents, 4),
                    arm.intent_aim > 0 ? fmt::format("{:g}", arm.intent_aim) : "", mean_with_interval(slots, 3),
                    mean_with_interval(values_of(preset, finished, arm.name, "", "seconds"), 0), std::to_string(intents.size())});
    if (arm.epsilon == 0) continue;
    const std::string intent_claim =
        fmt::format("SNIPS on frozen MiniLM: intent accuracy {:g} at epsilon {:g}", arm.intent_aim, arm.epsilon);
    const std::string slot_claim = fmt::format("SNIPS on frozen MiniLM: slot F1 at epsilon {:g} within 0.1 of ordinary",
                                               arm.epsilon);
    if (intents.empty() || ordinary.empty()) {
      verdicts.push_back(study_verdict(intent_claim, "inconclusive", "not measured"));
      verdicts.push_back(study_verdict(slot_claim, "inconclusive", "not measured"));
      continue;
    }
    const double intent = stats::mean_interval(intents).mean;
    const double lost = stats::mean_interval(ordinary).mean - stats::mean_interval(slots).mean;
    verdicts.push_back(study_verdict(intent_claim, intent >= arm.intent_aim ? "reproduced" : "not reproduced",
                                     fmt::format("{} over {} seed(s)", mean_with_interval(intents, 4), intents.size())));
    verdicts.push_back(study_verdict(slot_claim, lost <= 0.1 ? "reproduced" : "not reproduced",
                                     fmt::format("{:.3f} below {}", lost, mean_with_interval(ordinary, 3))));
  }
  return rows;
}

Json analyse_tasks(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> rows, other;
  Json verdicts = Json::array(), results = Json::array();
  for (const TaskRow& row : task_rows()) {
    rows.push_back(table_row(preset, finished, row));
    const auto ordinary = values_of(preset, finished, row.recipe, "metrics", row.metric);
    if (row.level > 0) verdicts.push_back(level_verdict(preset, row, ordinary));
    if (*row.also != '\0') {
      for (const char* metric : {"exact_match", "f1"}) {
        other.push_back({row.recipe, row.also, metric,
                         mean_with_interval(values_of(preset, finished, row.recipe, "also", metric), 3)});
      }
    }
    for (const std::string recipe : {row.recipe, row.private_recipe}) {
      for (const double value : values_of(preset, finished, recipe, "metrics", row.metric)) {
        results.push_back({{"recipe", recipe}, {"data", row.data}, {"metric", row.metric}, {"value", value}});
      }
    }
  }
  Json tables = {study_table("Test metrics of small models", {"task", "data", "metric", "ordinary", "epsilon 8",
                                                              "published", "seconds", "seconds, private", "seeds"},
                             rows,
                             "Means, with 95 % t-intervals where there are several seeds. epsilon 8: DP-SGD, delta "
                             "1e-5, for each example, add or remove one, Poisson sampling, PRV upper bound. Perplexities "
                             "over different vocabularies (words, hashed buckets) are not comparable.")};
  if (preset == StudyPreset::kFull) {
    tables.push_back(study_table(
        "SNIPS: heads on a frozen sentence encoder", {"epsilon", "intent accuracy", "aim", "slot F1", "seconds", "seeds"},
        snips_rows(preset, finished, verdicts, results),
        "all-MiniLM-L6-v2 as it is, recipes snips-minilm and snips-minilm-dp; test and dev pooled (1,400 "
        "utterances); the tagging task at epsilon 8. The encoder's rows are computed once in a process: the first "
        "arm's seconds hold most of that."));
  }
  if (!other.empty()) {
    tables.push_back(study_table("The same models on other data", {"recipe", "data", "metric", "value"}, other,
                                 "What the built-in questions teach of questions on Wikipedia."));
  }
  Json caveats = {"Recipes were set by hand on these data, not tuned: no result is the best that such a model can reach."};
  if (preset == StudyPreset::kQuick) {
    caveats.push_back("The quick preset trains shorter than the recipes, and language models on the development text.");
  } else {
    caveats.push_back("Sequence, language and masked models train shorter than their recipes: a cell is to take at "
                      "most three minutes of one thread.");
  }
  return {{"tables", tables}, {"verdicts", verdicts}, {"results", results}, {"caveats", caveats}};
}

Study make_tasks() {
  return {.title = "The text tasks",
          .question = "What do small models that train in minutes on two cores reach on each text task, and what does "
                      "epsilon 8 leave of it?",
          .cells = task_cells,
          .measure = measure_task,
          .analyse = analyse_tasks};
}

}  // namespace
}  // namespace app

void register_study_tasks(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "tasks",
                .summary = "Test metrics on every text task, ordinary and at epsilon 8",
                .make = app::MakeStudy(&app::make_tasks)});
}

}  // namespace discreet
