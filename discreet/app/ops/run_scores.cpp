#include <fmt/format.h>

#include <algorithm>

#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"

namespace discreet {
namespace app {
namespace {

Json scored_rows(const RunModel& run, const std::string& source, text::Split split, const std::vector<std::string>& columns,
                 std::int64_t positive) {
  const EncodedData data = load_examples(run.settings, run.encoder, source, split);
  const Scores scores = score(*run.model, data);
  const auto classes = static_cast<std::size_t>(run.encoder.intents.size());
  Json rows = {{"label", Json::array()}, {"group", Json::array()}, {"score", Json::array()}};
  for (std::size_t i = 0; i < data.examples.size(); ++i) {
    const text::Example& example = data.examples[i];
    std::string key;
    for (const std::string& column : columns) {
      const auto cell = example.groups.find(column);
      if (cell == example.groups.end() || cell->second.empty()) {
        throw bad_data(fmt::format("{}: line {} has no group '{}'", source, example.line, column),
                       "Name the column in data.group of the run's configuration.");
      }
      key += (key.empty() ? "" : " & ") + cell->second;
    }
    rows["label"].push_back(example.label);
    rows["group"].push_back(key);
    rows["score"].push_back(scores.intent_probabilities[i * classes + static_cast<std::size_t>(positive)]);
  }
  return rows;
}

/// Request: run; group (columns); positive (class; empty: 1, true, or the last in alphabetical order). Returns the
/// rows of the development data as "fit" and those of the test data, if both are there, as "evaluate".
Json scores_of_run(const Json& request, core::OperationContext&) {
  const std::string path = request.at("run").get<std::string>();
  const auto columns = request.at("group").get<std::vector<std::string>>();
  RunModel run = open_run_model(path);
  for (const std::string& column : columns) {
    auto& known = run.settings.data.group;
    if (std::find(known.begin(), known.end(), column) == known.end()) known.push_back(column);
  }
  if (run.encoder.intents.size() != 2) {
    throw usage_error(fmt::format("{}: thresholds are for two classes, the run has {}", path, run.encoder.intents.size()),
                      "Score one class against the others in a file of predictions.");
  }
  std::string positive = request.value("positive", "");
  const std::vector<std::string> names = run.encoder.intents.names();
  for (const char* usual : {"1", "true"}) {
    if (positive.empty() && std::find(names.begin(), names.end(), usual) != names.end()) positive = usual;
  }
  if (positive.empty()) positive = *std::max_element(names.begin(), names.end());
  const std::int64_t number = run.encoder.intents.find(positive);
  if (number < 0) throw usage_error(fmt::format("{}: no class '{}'", path, positive));
  const auto& data = run.settings.data;
  const bool both = !data.dev.empty() && !data.test.empty();
  const bool dev = !data.dev.empty();
  if (!dev && data.test.empty()) throw usage_error(path + ": the run names neither data.dev nor data.test");
  Json result = {{"positive", positive}, {"evaluate", nullptr}};
  result["fit"] = scored_rows(run, dev ? data.dev : data.test, dev ? text::Split::kDev : text::Split::kTest, columns, number);
  if (both) result["evaluate"] = scored_rows(run, data.test, text::Split::kTest, columns, number);
  return result;
}

}  // namespace
}  // namespace app

void register_operation_run_scores(core::Registry& registry) {
  registry.add({.kind = "operation",
                .name = "run-scores",
                .summary = "Scores of a run's two-class model with labels and groups, for thresholds",
                .make = core::Operation(&app::scores_of_run)});
}

}  // namespace discreet
