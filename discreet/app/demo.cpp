#include "discreet/app/demo.h"

#include <array>

#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/report/report.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

const Json& result_of(const Json& document, const char* key, const std::string& name) {
  for (const Json& result : document["results"]) {
    if (result.value(key, "") == name) return result;
  }
  throw internal_error("a document without the result '" + name + "'");
}

Json one_model(const std::string& recipe, const fs::path& run, core::OperationContext& context) {
  const Json trained = call_operation(
      "train", {{"recipe", recipe}, {"run", run.string()}, {"force", true}}, context);
  const Json attack = call_operation("membership", {{"run", run.string()}}, context);
  const Json groups = call_operation("run-groups", {{"run", run.string()}}, context);
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
          {"seconds", trained["seconds"]}};
}

}  // namespace

Json run_demo(const fs::path& folder, core::OperationContext& context) {
  const std::array<std::string, 2> recipes = {"assistant", "assistant-dp"};
  Json models = Json::array();
  std::vector<fs::path> runs;
  for (const std::string& recipe : recipes) {
    runs.push_back(folder / recipe);
    models.push_back(one_model(recipe, runs.back(), context));
  }
  const fs::path page = folder / "report.html";
  report::write_report(page, report::build_report(runs));
  return {{"schema", "discreet.demo/1"}, {"results", models}, {"report", page.string()}};
}

}  // namespace discreet::app
