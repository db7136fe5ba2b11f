#include "discreet/app/ops/internal/asked_data.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/ops/run_model.h"
#include "discreet/core/error.h"
#include "discreet/core/run_dir.h"

namespace discreet::app {

AskedData asked_data(const Json& request, const RunModel& run, const std::string& path,
                     const std::vector<std::string>& columns) {
  AskedData asked{.settings = run.settings, .source = request.value("data", "")};
  DataOptions& data = asked.settings.data;
  if (!asked.source.empty()) {
    asked.role = "data";
    data.format = request.value("format", "");
    data.user.clear();
    if (!columns.empty()) data.group.clear();
    if (request.contains("text_column")) data.text = request["text_column"].get<std::string>();
    if (request.contains("label_column")) {
      data.label = request["label_column"].get<std::string>();
      data.slots.clear();
    }
  } else {
    const bool test = request.value("split", "test") == "test" && !data.test.empty();
    asked.role = test ? "test" : "dev";
    asked.split = test ? text::Split::kTest : text::Split::kDev;
    asked.source = test ? data.test : data.dev;
    if (asked.source.empty() && !core::RunDir::is_run(path)) {
      throw usage_error(path + ": a model's folder names no data", "Name data with --data.");
    }
    if (asked.source.empty()) {
      throw usage_error(fmt::format("{}: the run's configuration names neither data.test nor data.dev", path),
                        "Name data with --data, or train with data.test set.");
    }
  }
  for (const std::string& column : columns) {
    const bool named = std::find(data.group.begin(), data.group.end(), column) != data.group.end();
    if (!named && column != "user") data.group.push_back(column);
  }
  return asked;
}

std::string group_cell(const text::Example& example, const std::string& column) {
  const auto found = example.groups.find(column);
  if (found != example.groups.end()) return found->second;
  return column == "user" ? example.user : "";
}

void check_group_columns(const std::vector<std::string>& columns, const EncodedData& data,
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

core::InputFile describe_asked(const AskedData& asked, const Encoder& encoder) {
  core::InputFile input;
  input.role = asked.role == "data" ? "test" : asked.role;
  input.path = asked.source;
  return describe_source(asked.settings, encoder, input);
}

}  // namespace discreet::app
