#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "discreet/app/group_table.h"
#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/operation.h"
#include "discreet/core/registry.h"
#include "discreet/core/run_dir.h"

namespace discreet {
namespace app {
namespace {

namespace fs = std::filesystem;

/// Whether all tags of each example are right.
std::vector<std::string> slots_right(const EncodedData& data, const Scores& scores) {
  std::vector<std::string> right;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto from = static_cast<std::size_t>(data.offsets[i]);
    const auto to = static_cast<std::size_t>(data.offsets[i + 1]);
    right.emplace_back(
        std::equal(data.tags.begin() + from, data.tags.begin() + to, scores.tags.begin() + from)
            ? "right"
            : "wrong");
  }
  return right;
}

std::string group_cell(const text::Example& example, const std::string& column) {
  const auto found = example.groups.find(column);
  if (found != example.groups.end()) return found->second;
  return column == "user" ? example.user : "";
}

/// The columns asked for; else those of data.group; else the columns that every example has.
std::vector<std::string> group_columns(const Json& request, const RunModel& run,
                                       const EncodedData& data) {
  auto columns = request.value("group", std::vector<std::string>{});
  if (columns.empty()) columns = run.settings.data.group;
  if (columns.empty() && !data.examples.empty()) {
    for (const auto& [name, value] : data.examples.front().groups) {
      if (name != run.settings.mitigate.weight) columns.push_back(name);
    }
    if (columns.empty() && !data.examples.front().user.empty()) columns = {"user"};
  }
  if (columns.empty()) {
    throw usage_error("the data name neither groups nor users",
                      "Name columns with data.group in the configuration, or --group.");
  }
  return columns;
}

void check_columns(const std::vector<std::string>& columns, const EncodedData& data,
                   const std::string& source) {
  for (const std::string& column : columns) {
    const bool known = std::any_of(
        data.examples.begin(), data.examples.end(),
        [&](const text::Example& example) { return !group_cell(example, column).empty(); });
    if (known) continue;
    std::vector<std::string> names = {"user"};
    if (!data.examples.empty()) {
      for (const auto& [name, value] : data.examples.front().groups) names.push_back(name);
    }
    throw bad_data(fmt::format("{}: no example has a group '{}'; known: {}", source, column,
                               fmt::join(names, ", ")),
                   "Name the column in data.group of the run's configuration.");
  }
}

GroupQuestion group_question(const Json& request, const std::vector<std::string>& columns) {
  GroupQuestion question;
  question.label = "label";
  question.prediction = "prediction";
  question.group = columns;
  stats::GroupOptions& options = question.options;
  options.confidence = request.value("confidence", options.confidence);
  options.resamples = request.value("resamples", options.resamples);
  options.permutations = request.value("permutations", options.permutations);
  const auto& families = group_family_names();
  for (const std::string& name : request.value("families", std::vector<std::string>{})) {
    options.families.push_back(
        static_cast<stats::GroupFamily>(std::find(families.begin(), families.end(), name) - families.begin()));
  }
  options.seed = request.value("seed", options.seed);
  options.least = request.value("least", options.least);
  options.method = request.value("bootstrap", "percentile") == "bca"
                       ? stats::BootstrapMethod::kBca
                       : stats::BootstrapMethod::kPercentile;
  // Single speakers have a handful of lines: a gap over such groups would always be near 1.
  options.exclude_small = request.value("exclude_small", false) ||
                          std::find(columns.begin(), columns.end(), "user") != columns.end();
  return question;
}

GroupRows group_rows(const RunModel& run, const EncodedData& data, const Scores& scores,
                     const std::vector<std::string>& columns) {
  GroupRows rows;
  if (!scores.intents.empty()) {
    for (std::size_t i = 0; i < scores.intents.size(); ++i) {
      rows.label.push_back(data.examples[i].label);
      rows.prediction.push_back(run.encoder.intents.name(scores.intents[i]));
    }
  } else {
    rows.prediction = slots_right(data, scores);
    rows.label.assign(rows.prediction.size(), "right");
  }
  for (const std::string& column : columns) {
    rows.group.emplace_back();
    for (const text::Example& example : data.examples) {
      rows.group.back().push_back(group_cell(example, column));
    }
  }
  return rows;
}

/// Request: run; split (test or dev); the keys of group_configuration; out (a file instead of
/// RUN/audits). What is compared: the intent, or whole tag sequences where there is no intent.
Json groups_of_run(const Json& request, core::OperationContext&) {
  const fs::path path = request.at("run").get<std::string>();
  const core::RunDir directory = core::RunDir::open(path);
  const RunModel run = open_run_model(path);
  std::string split = request.value("split", "test");
  if (split == "test" && run.settings.data.test.empty()) split = "dev";
  const bool test = split == "test";
  const std::string& source = test ? run.settings.data.test : run.settings.data.dev;
  if (source.empty()) {
    throw usage_error(
        fmt::format("{}: the run's configuration names neither data.test nor data.dev",
                    path.string()),
        "Train with data.test set.");
  }
  const EncodedData data = load_examples(run.settings, run.encoder, source,
                                         test ? text::Split::kTest : text::Split::kDev);
  const std::vector<std::string> columns = group_columns(request, run, data);
  check_columns(columns, data, source);
  const GroupQuestion question = group_question(request, columns);
  const Scores scores = score(*run.model, data);

  Json configuration = group_configuration(question);
  configuration["split"] = split;
  configuration["compared"] = scores.intents.empty() ? "slots" : "intent";
  core::InputFile asked;
  asked.role = split;
  asked.path = source;
  Json document =
      core::make_document({.schema = "discreet.fairness.groups/1",
                           .configuration = configuration,
                           .inputs = {core::describe_input("model", path / "model"),
                                      describe_source(run.settings, run.encoder, asked)}});
  document["run"] = path.string();
  answer_groups(group_rows(run, data, scores, columns), question, document);
  write_finding(request, directory, document);
  return document;
}

}  // namespace
}  // namespace app

void register_operation_run_groups(core::Registry& registry) {
  registry.add(
      {.kind = "operation",
       .name = "run-groups",
       .summary = "Accuracy of a run's model by group of speakers, with intervals and gaps",
       .make = core::Operation(&app::groups_of_run)});
}

}  // namespace discreet
