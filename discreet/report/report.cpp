#include "discreet/report/report.h"

#include <map>

#include <fmt/format.h>

#include <algorithm>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/run_dir.h"
#include "discreet/report/internal/read_run.h"

namespace discreet::report {
namespace fs = std::filesystem;

namespace {

/// `path` itself if it is a run, else the runs in it, by name.
std::vector<fs::path> runs_in(const fs::path& path) {
  if (core::RunDir::is_run(path)) return {path};
  std::vector<fs::path> found;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (core::RunDir::is_run(entry.path())) found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  if (found.empty()) {
    throw usage_error(
        fmt::format("{}: neither a run directory nor a folder of runs", path.string()),
        "A run directory has a manifest.json; `discreet train` makes one.");
  }
  return found;
}

/// Runs of one name in several folders (seed-1 of two recipes) are told apart by the folder too.
void tell_apart(Json& results) {
  std::map<std::string, int> count;
  for (const Json& entry : results) ++count[entry["name"].get<std::string>()];
  for (Json& entry : results) {
    const std::string name = entry["name"].get<std::string>();
    if (count[name] < 2) continue;
    const fs::path run = entry["run"].get<std::string>();
    const fs::path clean = run.has_filename() ? run : run.parent_path();
    if (clean.has_parent_path())
      entry["name"] = clean.parent_path().filename().string() + "/" + name;
  }
}

}  // namespace

Json build_report(const std::vector<fs::path>& paths) {
  if (paths.empty()) throw usage_error("a report needs at least one run directory");
  std::vector<core::InputFile> inputs;
  Json results = Json::array();
  Json repeats = Json::array();
  for (const fs::path& path : paths) {
    for (const fs::path& run : runs_in(path)) results.push_back(internal::read_run(run, inputs));
    const fs::path whole = path / "result.json";
    if (core::RunDir::is_run(path) || !fs::exists(whole)) continue;
    const Json document = core::read_document(whole);
    inputs.push_back(core::describe_input("result.json", whole));
    if (document.contains("repeats")) {
      repeats.push_back(
          {{"name", path.lexically_normal().string()}, {"metrics", document["repeats"]}});
    }
  }
  tell_apart(results);
  Json names = Json::array();
  for (const Json& entry : results) names.push_back(entry["name"]);
  Json document = core::make_document(
      {.schema = "discreet.report/1", .configuration = {{"runs", names}}, .inputs = inputs});
  document["results"] = results;
  if (!repeats.empty()) document["repeats"] = repeats;
  document["caveats"].push_back(
      "An attack that finds nothing proves nothing: a stronger one may. A guarantee holds for "
      "every "
      "attack, within its unit, relation and assumptions.");
  return document;
}

fs::path default_page(const std::vector<fs::path>& runs) {
  return runs.size() == 1 ? runs.front() / "report.html" : fs::path("report.html");
}

void write_report(const fs::path& page, const Json& report) {
  fs::path numbers = page;
  numbers.replace_extension(".json");
  if (numbers == page) {
    throw usage_error(fmt::format("{}: the page cannot be called .json", page.string()),
                      "Its numbers are written beside it under that name; use .html.");
  }
  core::write_document(numbers, report);
  core::write_file_atomically(page, render_page(report));
}

}  // namespace discreet::report
