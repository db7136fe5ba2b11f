#include "discreet/app/demo.h"

#include <array>

#include "discreet/app/loader.h"
#include "discreet/core/error.h"
#include "discreet/report/report.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

Json value_of(const Json& results, const std::string& metric) {
  for (const Json& result : results) {
    if (result.value("metric", "") == metric) return result.value("value", Json());
  }
  return nullptr;
}

Json one_model(const std::string& recipe, const fs::path& run, core::OperationContext& context) {
  const Json trained = call_operation(
      "train", {{"recipe", recipe}, {"run", run.string()}, {"force", true}}, context);
  const Json attack = call_operation("membership", {{"run", run.string()}}, context);
  const Json groups = call_operation("run-groups", {{"run", run.string()}}, context);
  return {{"model", recipe},
          {"run", run.string()},
          {"epsilon", trained["epsilon"]},
          {"metrics", trained["metrics"]},
          {"attack_auc", attack["results"][0]["auc"]},
          {"accuracy_gap", value_of(groups["results"], "accuracy_difference")},
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
