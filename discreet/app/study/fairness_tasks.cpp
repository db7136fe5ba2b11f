// What audits find in the classifiers that the recipes of fairness train.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "discreet/app/loader.h"
#include "discreet/app/study.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace app {
namespace {

/// One audit of a recipe's model: which figures of its document are told.
struct TaskAudit {
  const char* data;  // in words
  const char* operation;
  Json request;
  std::vector<const char*> figures;    // metrics of `results`
  std::vector<const char*> identities;  // figures of `by_identity`, of which the least is told
};

struct AuditedTask {
  const char *recipe, *task;
  std::vector<TaskAudit> audits;
};

Json audit_identities(const char* words) {
  std::vector<std::string> list;
  for (std::string rest = words; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    list.push_back(rest.substr(0, comma));
    rest.erase(0, comma + 1);
  }
  return list;
}

std::vector<AuditedTask> audited_tasks() {
  const Json jigsaw = audit_identities("gay,straight,muslim,christian,jewish,black,white,old,young,deaf");
  return {
      {"edos", "posts, sexist or not (EDOS)",
       {{"EDOS, test", "run-groups",
         {{"positive", "sexist"}, {"mentions", audit_identities("women,men,girls,guys")}, {"swap", "gender"}},
         {"false_positive_rate_difference", "unintended_bias_score", "counterfactual_token_fairness_gap", "counterfactual_flip_rate"},
         {"subgroup_auc", "bpsn_auc"}},
        {"EDOS, test", "sensitivity", {{"weights", "gender"}}, {"accumulated_prediction_sensitivity"}, {}}}},
      {"hatexplain", "posts, toxic or not (HateXplain)",
       {{"HateXplain, test", "run-groups",
         {{"positive", "toxic"}, {"group", {"target"}}, {"identity", audit_identities("Women,African,Islam,Jewish,Homosexual")}, {"exclude_small", true}},
         {"false_positive_rate_difference", "equal_opportunity_difference", "unintended_bias_score"},
         {"subgroup_auc", "bpsn_auc", "bnsp_auc"}},
        {"HateCheck", "run-groups",
         {{"data", "hatecheck"}, {"relabel", {{"hateful", "toxic"}, {"non-hateful", "normal"}}}, {"positive", "toxic"}, {"group", {"target_ident"}}},
         {"equalized_odds_difference", "roc_auc_difference", "unintended_bias_score"},
         {}}}},
      {"toxicity", "comments of Wikipedia, toxic or not",
       {{"Jigsaw's templates", "run-groups",
         {{"positive", "True"}, {"data", "jigsaw_templates/bias_madlibs_77k.csv"}, {"text_column", "Text"}, {"label_column", "Label"},
          {"relabel", {{"BAD", "True"}, {"NOT_BAD", "False"}}}, {"mentions", jigsaw}},
         {"false_positive_rate_difference", "unintended_bias_score"},
         {"subgroup_auc", "bpsn_auc", "bnsp_auc"}}}},
      {"regard", "regard towards whom a text is about",
       {{"dev and test", "run-groups", {{"data", "regard/regard/dev.tsv + regard/regard/test.tsv"}, {"format", "labelled"}, {"swap", "gender"}},
         {"counterfactual_token_fairness_gap", "counterfactual_flip_rate"}, {}}}},
      {"biographies", "professions from generated biographies",
       {{"biographies, test", "run-groups", {{"group", {"gender"}}, {"swap", "gender"}},
         {"accuracy_difference", "true_positive_rate_difference_rms", "counterfactual_token_fairness_gap", "counterfactual_flip_rate"}, {}}}},
      {"pronouns", "who is meant by a pronoun (GAP, WinoBias)",
       {{"GAP, test", "run-groups", {{"group", {"gender"}}}, {"accuracy_difference"}, {}},
        {"WinoBias, type 1", "run-groups",
         {{"group", {"stereotype"}},
          {"data", "winobias/data/pro_stereotyped_type1.txt.test + winobias/data/anti_stereotyped_type1.txt.test"}},
         {"accuracy_difference"}, {}},
        {"Winogender", "run-groups", {{"group", {"gender"}}, {"data", "winogender"}}, {"accuracy_difference"}, {}}}},
  };
}

int audit_seeds(StudyPreset preset) { return preset == StudyPreset::kQuick ? 1 : 5; }
std::string audit_cell(const AuditedTask& task, int seed) { return fmt::format("{}-{}", task.recipe, seed); }

std::vector<StudyCell> audit_cells(StudyPreset preset) {
  std::vector<StudyCell> cells;
  for (int seed = 1; seed <= audit_seeds(preset); ++seed) {
    for (const AuditedTask& task : audited_tasks()) {
      Json audits = Json::array();
      for (const TaskAudit& audit : task.audits) audits.push_back({{"operation", audit.operation}, {"request", audit.request}});
      cells.push_back({audit_cell(task, seed), {{"recipe", task.recipe}, {"audits", audits}, {"seed", seed}}});
    }
  }
  return cells;
}

/// What the tables need of an audit's document.
Json kept_of(const Json& document) {
  Json kept = {{"n", document["n"]}, {"results", document["results"]}, {"by_identity", document.value("by_identity", Json::array())}};
  if (document.contains("overall")) kept["overall"] = document["overall"];
  for (Json& result : kept["results"]) result.erase("examples");
  return kept;
}

Json measure_audits(const Json& request, const std::filesystem::path& scratch, core::OperationContext& context) {
  const std::string run = (scratch / "run").string(), seed = fmt::format("run.seed={}", request["seed"].get<int>());
  const Json trained = call_operation("train", {{"recipe", request["recipe"]}, {"set", {seed}}, {"run", run}}, context);
  Json result = {{"metrics", trained["metrics"]}, {"n", trained.value("n", Json())}, {"seconds", trained["seconds"]}, {"audits", Json::array()}};
  for (const Json& audit : request["audits"]) {
    Json asked = audit["request"];
    asked["run"] = run;
    asked["out"] = (scratch / "found.json").string();
    asked["resamples"] = 500;
    if (audit["operation"] == "run-groups") asked["permutations"] = 500;
    result["audits"].push_back(kept_of(call_operation(audit["operation"], asked, context)));
  }
  return result;
}

std::string audit_value(const Json& value, const Json& ci) {
  if (!value.is_number()) return "absent";
  std::string text = fmt::format("{:.3f}", value.get<double>());
  if (ci.is_array()) text += fmt::format(" [{:.3f}, {:.3f}]", ci[0].get<double>(), ci[1].get<double>());
  return text;
}

void add_audit_rows(const AuditedTask& task, const TaskAudit& audit, const Json& found, int seed, std::vector<std::vector<std::string>>& rows) {
  const auto add = [&](const std::string& figure, const Json& value, const Json& ci, const Json& p, const Json& n, const std::string& why = "") {
    rows.push_back({task.recipe, audit.data, figure, value.is_number() ? audit_value(value, ci) : "absent: " + why,
                    p.is_number() ? fmt::format("{:.3f}", p.get<double>()) : "", n.dump(), std::to_string(seed)});
  };
  if (found.contains("overall") && found["overall"].contains("accuracy")) {
    add("accuracy", found["overall"]["accuracy"], found["overall"].value("ci", Json::object()).value("accuracy", Json()), {}, found["n"]);
  }
  const bool identities = !found["by_identity"].empty();
  for (const char* figure : audit.figures) {
    for (const Json& result : found["results"]) {
      if (result["metric"] != figure) continue;
      const bool combined = std::string(figure) == "unintended_bias_score";
      // Of figures over groups and over identities, those over identities where there are any.
      if (combined && identities != (result.value("over", "") == "identity")) continue;
      std::string name = figure;
      if (result.contains("weights")) name += ", weights " + result["weights"].get<std::string>();
      if (combined && identities) name += " over identities";
      add(name, result["value"], result["ci"], result.value("p_holm", Json()), result.value("n", found["n"]), result.value("value_reason", ""));
    }
  }
  for (const char* figure : audit.identities) {
    const Json* least = nullptr;
    for (const Json& entry : found["by_identity"]) {
      if (entry[figure].is_number() && (least == nullptr || entry[figure] < (*least)[figure])) least = &entry;
    }
    if (least == nullptr) continue;
    add(fmt::format("lowest {}: {}", figure, (*least)["identity"].get<std::string>()), (*least)[figure],
        (*least).value("ci", Json::object()).value(figure, Json()), {}, (*least)["n"]);
  }
}

Json analyse_audits(StudyPreset preset, const StudyResults& finished) {
  std::vector<std::vector<std::string>> models, rows;
  Json results = Json::array();
  for (const AuditedTask& task : audited_tasks()) {
    for (int seed = 1; seed <= audit_seeds(preset); ++seed) {
      const auto cell = finished.find(audit_cell(task, seed));
      if (cell == finished.end()) continue;
      const Json& metrics = cell->second["metrics"];
      const bool tested = metrics.contains("accuracy") && metrics["accuracy"].is_number();
      models.push_back({task.recipe, task.task, tested ? fmt::format("{:.3f}", metrics["accuracy"].get<double>()) : "no test data of its own",
                        fmt::format("{:.0f}", cell->second["seconds"].get<double>()), std::to_string(seed)});
      for (std::size_t a = 0; a < task.audits.size() && a < cell->second["audits"].size(); ++a) {
        add_audit_rows(task, task.audits[a], cell->second["audits"][a], seed, rows);
        for (const Json& result : cell->second["audits"][a]["results"]) {
          if (!result["value"].is_number()) continue;
          results.push_back({{"recipe", task.recipe}, {"data", task.audits[a].data}, {"metric", result["metric"]}, {"value", result["value"]}});
        }
      }
    }
  }
  const Json tables = {
      study_table("Models", {"recipe", "task", "test accuracy", "seconds", "seed"}, models, "One thread; each recipe as it stands."),
      study_table("What the audits find", {"recipe", "data", "figure", "value", "p (Holm)", "n", "seed"}, rows,
                  "Intervals of 95 % within one model: bootstrap within groups, Wilson for accuracy, DeLong for AUCs. A difference is a largest less a "
                  "smallest, above 0 by noise alone; p permutes groups. AUCs: 1 is best; bpsn low: taken for positive too often; bnsp low: too seldom.")};
  const Json caveats = {
      "Small models, trained in minutes: what they do says nothing of larger ones.",
      "HateXplain's shared training part has only posts on which annotators disagreed, and its targets are named by any annotator: nothing here compares with "
      "the published figures.",
      "Sums of sensitivities by word lists and means over coordinates are of different units.",
      "WinoBias's development and test sentences share their frames."};
  return {{"tables", tables}, {"verdicts", Json::array()}, {"results", results}, {"caveats", caveats}};
}

Study make_audited_tasks() {
  return {.title = "Fairness of the recipes' classifiers",
          .question = "What do the audits find in the classifiers that recipes train for toxicity, regard, occupations and pronouns?",
          .cells = audit_cells,
          .measure = measure_audits,
          .analyse = analyse_audits};
}

}  // namespace
}  // namespace app

void register_study_fairness_tasks(core::Registry& registry) {
  registry.add({.kind = "study",
                .name = "fairness-tasks",
                .summary = "Audits of the classifiers that recipes train: toxicity, hate, regard, occupations, pronouns",
                .make = app::MakeStudy(&app::make_audited_tasks)});
}

}  // namespace discreet
