#include "discreet/app/demo.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "discreet/app/internal/demo_canaries.h"
#include "discreet/app/internal/demo_mitigation.h"
#include "discreet/app/loader.h"
#include "discreet/app/recipes.h"
#include "discreet/app/settings.h"
#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"
#include "discreet/report/report.h"
#include "discreet/text/corpus.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

const Json& result_of(const Json& document, const char* key, const std::string& name) {
  for (const Json& result : document["results"]) {
    if (result.value(key, "") == name) return result;
  }
  throw internal_error("a document without the result '" + name + "'");
}

/// What of the recipe changes for so many lines.
Json changes_for(const std::string& recipe, std::int64_t lines) {
  Json changes = Json::array();
  if (lines == 0) return changes;
  const Settings settings = parse_settings(read_config({find_recipe(recipe).string()}));
  changes.push_back(fmt::format("data.train=assistant:lines={}", lines));
  changes.push_back(fmt::format("data.test=assistant:lines={}", std::max<std::int64_t>(lines / 3, 1)));
  if (settings.privacy.is_private()) {
    const double usual = static_cast<double>(text::parse_corpus_spec(settings.data.train).lines);
    const double batch = static_cast<double>(settings.train.batch_size * lines) / usual;
    changes.push_back(fmt::format("train.batch_size={}", std::max<std::int64_t>(std::llround(batch), 1)));
  }
  return changes;
}

Json one_model(const std::string& recipe, std::int64_t lines, const fs::path& run,
               core::OperationContext& context) {
  const Json trained = call_operation("train",
                                      {{"recipe", recipe},
                                       {"set", changes_for(recipe, lines)},
                                       {"run", run.string()},
                                       {"force", true}},
                                      context);
  const Json attack = call_operation("membership", {{"run", run.string()}}, context);
  const Json groups = call_operation("run-groups", {{"run", run.string()}}, context);
  // How far predictions lean on gendered words: on part of the test data, since each example takes a backward pass.
  const Json sensitivity = call_operation(
      "sensitivity", {{"run", run.string()}, {"weights", "gender"}, {"classes", "predicted"}, {"limit", 1000}, {"resamples", 200}},
      context);
  const Json& list = result_of(sensitivity, "weights", "list");
  const Json& loss = result_of(attack, "attack", "loss");
  const Json& gap = result_of(groups, "metric", "accuracy_difference");
  return {{"model", recipe},
          {"run", run.string()},
          {"epsilon", trained["epsilon"]},
          {"metrics", trained["metrics"]},
          {"attack_auc", loss["auc"]},
          {"attack_auc_ci", loss["ci"]["auc"]},
          {"accuracy_gap", gap["value"]},
          {"accuracy_gap_ci", gap["ci"]},
          {"gender_word_sensitivity", list["value"]},
          {"gender_word_sensitivity_ci", list["ci"]},
          {"seconds", trained["seconds"]}};
}

/// The built-in corpus left on its users' devices: who is asked, evenly or by what they hold.
Json federations(std::int64_t lines, const fs::path& folder, core::OperationContext& context) {
  Json found = Json::array();
  for (const char* selection : {"uniform", "activity"}) {
    Json changes = {fmt::format("federated.selection={}", selection), "federated.rounds=60", "train.eval_every=60"};
    if (lines > 0) changes.push_back(fmt::format("data.train=assistant:lines={}", std::min<std::int64_t>(lines, 4000)));
    const Json simulated = call_operation(
        "federated_simulate",
        {{"recipe", "assistant-federated"},
         {"set", changes},
         {"run", (folder / fmt::format("federated-{}", selection)).string()},
         {"force", true}},
        context);
    const Json& final = simulated["final"];
    found.push_back({{"selection", selection},
                     {"run", simulated["run"]},
                     {"rounds", final["rounds"]},
                     {"clients", final["clients"]},
                     {"accuracy", final["metric"]},
                     {"participation_gini", final["participation_gini"]},
                     {"bytes_up", final["bytes_up"]},
                     {"seconds", simulated["seconds"]}});
  }
  return found;
}

/// What the model without privacy tells of a group, taken out of what its head reads; shown on its page.
Json project_demo(const fs::path& run, const fs::path& out, std::int64_t lines, core::OperationContext& context) {
  const std::int64_t texts = lines == 0 ? 1500 : std::max<std::int64_t>(lines, 300);
  const Json projected = call_operation("project-model",
                                        {{"model", run.string()},
                                         {"data", fmt::format("assistant:lines={},seed=2,dialect_share=0.5,dialect_gap=0.8", texts)},
                                         {"protected", "dialect"},
                                         {"method", "leace"},
                                         {"out", out.string()},
                                         {"folds", 3},
                                         {"hidden", 16},
                                         {"force", true}},
                                        context);
  core::RunDir::open(run).write_audit(projected);
  const Json& linear = result_of(projected, "metric", "dialect_linear_probe");
  const Json& network = result_of(projected, "metric", "dialect_network_probe");
  return {{"method", "leace"}, {"run", out.string()}, {"majority", linear["neutral"]},
          {"linear_probe", {linear["before"], linear["after"]}}, {"network_probe", {network["before"], network["after"]}}};
}

}  // namespace

Json run_demo(const fs::path& folder, std::int64_t lines, core::OperationContext& context) {
  const std::array<std::string, 2> recipes = {"assistant", "assistant-dp"};
  Json models = Json::array();
  std::vector<fs::path> runs;
  for (const std::string& recipe : recipes) {
    runs.push_back(folder / recipe);
    models.push_back(one_model(recipe, lines, runs.back(), context));
  }
  const Json canaries = demo_canaries(folder, lines, runs, context);
  const Json mitigation = demo_mitigation(folder, lines, runs, context);
  const Json federated = federations(lines, folder, context);
  const Json projection = project_demo(runs.front(), folder / "assistant-projected", lines, context);
  const fs::path page = folder / "report.html";
  report::write_report(page, report::build_report(runs));
  return {{"schema", "discreet.demo/1"}, {"results", models}, {"canaries", canaries}, {"mitigation", mitigation}, {"projection", projection}, {"federations", federated},
          {"report", page.string()}};
}

}  // namespace discreet::app
