#include "discreet/app/study.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discreet/app/internal/study_cells.h"
#include "discreet/app/loader.h"
#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/file_lock.h"
#include "discreet/core/files.h"
#include "discreet/core/machine.h"
#include "discreet/core/pattern.h"
#include "discreet/core/progress.h"
#include "discreet/core/registry.h"
#include "discreet/core/version.h"

namespace discreet::app {
namespace fs = std::filesystem;
namespace {

const char* preset_name(StudyPreset preset) {
  return preset == StudyPreset::kQuick ? "quick" : "full";
}

/// What tells this process's files in the folder from those of other shares.
std::string share_suffix(const StudyOptions& options) {
  return options.shares == 1 ? "" : fmt::format("-{}-of-{}", options.share, options.shares);
}

Json measure_cell(const Study& study, const StudyCell& cell, const StudyOptions& options, StudyCells& store,
                  core::OperationContext& context) {
  const fs::path scratch = options.folder / ("scratch" + share_suffix(options));
  fs::remove_all(scratch);
  fs::create_directories(scratch);
  const auto started = std::chrono::steady_clock::now();
  Json request = cell.request;
  if (options.device != "cpu") request["device"] = options.device;
  Json result = study.measure(request, scratch, context);
  if (options.device != "cpu") result["device"] = options.device;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  fs::remove_all(scratch);
  store.store(cell, result, took.count());
  return result;
}

/// Whether cell number `k` is for this process to measure.
bool ours(const StudyOptions& options, std::size_t k, const StudyCell& cell) {
  return k % static_cast<std::size_t>(options.shares) + 1 == static_cast<std::size_t>(options.share) &&
         (options.only.empty() || core::matches_any(options.only, cell.name));
}

void check_only(const StudyOptions& options, const std::vector<StudyCell>& cells) {
  std::vector<std::string> names;
  for (const StudyCell& cell : cells) names.push_back(cell.name);
  core::check_patterns("--only", options.only, names);
}

/// Takes in what other processes finished meanwhile.
void collect_from_others(const StudyCells& store, const std::vector<StudyCell>& cells, Json& missing,
                         StudyResults& finished) {
  Json still_missing = Json::array();
  for (const StudyCell& cell : cells) {
    if (std::find(missing.begin(), missing.end(), Json(cell.name)) == missing.end()) continue;
    Json result;
    if (store.find(cell, result)) {
      finished[cell.name] = std::move(result);
    } else {
      still_missing.push_back(cell.name);
    }
  }
  missing = std::move(still_missing);
}

std::string markdown_row(const Json& cells) {
  std::string row = "|";
  for (const Json& cell : cells) {
    row += ' ';
    for (const char c : cell.get<std::string>()) {
      if (c == '|') row += '\\';  // or it would end the cell
      row += c;
    }
    row += " |";
  }
  return row + "\n";
}

}  // namespace

Json study_table(const std::string& title, const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows, const std::string& note) {
  return {{"title", title}, {"header", header}, {"rows", rows}, {"note", note}};
}

std::string with_interval(double value, const std::optional<stats::Interval>& ci, int digits) {
  if (!ci) return fmt::format("{:.{}f}", value, digits);
  return fmt::format("{:.{}f} [{:.{}f}, {:.{}f}]", value, digits, ci->low, digits, ci->high, digits);
}

std::string mean_with_interval(std::span<const double> values, int digits) {
  if (values.empty()) return "not measured";
  const stats::MeanEstimate estimate = stats::mean_interval(values);
  return with_interval(estimate.mean, estimate.ci, digits);
}

std::vector<double> seed_values(const std::map<int, double>& by_seed) {
  std::vector<double> values;
  for (const auto& [seed, value] : by_seed) values.push_back(value);
  return values;
}

std::string mean_with_interval(const std::map<int, double>& by_seed, int digits) {
  return mean_with_interval(std::span<const double>(seed_values(by_seed)), digits);
}

Json study_verdict(const std::string& claim, const std::string& verdict, const std::string& why) {
  return {{"claim", claim}, {"verdict", verdict}, {"why", why}};
}

Json run_study(const std::string& name, const StudyOptions& asked,
               core::OperationContext& context) {
  const Study study = core::registry().make<MakeStudy>("study", name)();
  StudyOptions options = asked;
  if (options.device != "cpu") {
    if (!study.any_device) {
      throw usage_error(fmt::format("--device {}: the study {} is measured on the CPU alone", options.device, name), "Leave it out.");
    }
    options.device = call_operation("device", {{"device", options.device}}, context)["device"];
  }
  fs::create_directories(options.folder / "cells");
  const core::FileLock lock(options.folder / ("lock" + share_suffix(options)), "study " + options.folder.string());
  const std::vector<StudyCell> cells = study.cells(options.preset);
  check_only(options, cells);
  StudyCells store(options.folder, options.cells);

  StudyResults finished;
  Json missing = Json::array(), failed = Json::array();
  core::Progress progress({.label = "study " + name, .unit = "cells",
                           .total = static_cast<std::int64_t>(cells.size()), .quiet = context.quiet});
  core::OperationContext cell_context;
  cell_context.stop = context.stop;
  cell_context.quiet = true;
  const auto started = std::chrono::steady_clock::now();
  const auto out_of_time = [&] {
    const std::chrono::duration<double, std::ratio<60>> spent = std::chrono::steady_clock::now() - started;
    return options.minutes > 0 && spent.count() > options.minutes;
  };
  for (std::size_t k = 0; k < cells.size(); ++k) {
    const StudyCell& cell = cells[k];
    Json result;
    if (store.find(cell, result)) {
      finished[cell.name] = std::move(result);
    } else if (!ours(options, k, cell) || context.stopping() || out_of_time()) {
      missing.push_back(cell.name);
    } else {
      try {
        finished[cell.name] = measure_cell(study, cell, options, store, cell_context);
      } catch (const Error& error) {
        if (context.stopping()) {
          missing.push_back(cell.name);
        } else {
          failed.push_back({{"cell", cell.name}, {"error", error.what()}});
        }
      }
    }
    progress.update(static_cast<std::int64_t>(finished.size()), {.note = cell.name});
  }
  progress.finish();
  collect_from_others(store, cells, missing, finished);
  store.write_lines(cells);

  Json document = {{"schema", "discreet.study/1"},
                   {"study", name},
                   {"title", study.title},
                   {"question", study.question},
                   {"preset", preset_name(options.preset)},
                   {"cells", cells.size()},
                   {"finished", finished.size()},
                   {"missing", missing},
                   {"failed", failed}};
  document.update(core::measurement_stamp());
  document.update(study.analyse(options.preset, finished));
  if (!document.contains("pictures")) document["pictures"] = Json::array();
  for (Json& picture : document["pictures"]) {
    picture["file"] = picture["name"].get<std::string>() + ".svg";
    core::write_file_atomically(options.folder / picture["file"].get<std::string>(), picture["svg"].get<std::string>());
    picture.erase("svg");
  }
  core::write_document(options.folder / "study.json", document);
  core::write_file_atomically(options.folder / "page.md", study_page(document));
  if (context.stopping()) {
    throw core::interrupted(context, fmt::format("{} of {} cells are finished in {}; the same command goes on.",
                                                 finished.size(), cells.size(), options.folder.string()));
  }
  return document;
}

namespace {

/// Cells that differ in the number at their names' end alone, as runs and seeds do, share a line; where that makes
/// too many lines, all that begin with the same word.
std::string missing_list(const Json& missing) {
  constexpr std::size_t kListed = 10, kLines = 24;
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const Json& cell : missing) {
    const auto name = cell.get<std::string>();
    const std::size_t end = name.find_last_not_of("0123456789");
    const bool numbered = end != std::string::npos && name[end] == '-' && end + 1 < name.size();
    const std::string stem = numbered ? name.substr(0, end + 1) : name;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.first == stem; });
    if (group == groups.end()) group = groups.insert(groups.end(), {stem, {}});
    group->second.push_back(numbered ? name.substr(end + 1) : "");
  }
  std::string list;
  if (groups.size() > kLines) {
    std::vector<std::pair<std::string, std::size_t>> words;
    for (const auto& [stem, names] : groups) {
      const std::string word = stem.substr(0, stem.find('-'));
      if (words.empty() || words.back().first != word) words.emplace_back(word, 0);
      words.back().second += names.size();
    }
    for (const auto& [word, cells] : words) {
      list += fmt::format("- {}-*, {} cells: not begun in the time given\n", word, cells);
    }
    return list;
  }
  for (const auto& [stem, names] : groups) {
    const std::string numbers = names.size() == 1          ? names.front()
                                : names.size() <= kListed ? fmt::format("{{{}}}", fmt::join(names, ", "))
                                                          : fmt::format("*, {} cells", names.size());
    list += fmt::format("- {}{}: not begun in the time given\n", stem, numbers);
  }
  return list;
}

}  // namespace

std::string study_page(const Json& document) {
  std::string page = fmt::format("# {}\n\n{}\n\n", document["title"].get<std::string>(),
                                 document["question"].get<std::string>());
  page += fmt::format("Printed by `discreet study {} --preset {}` on {}, version {}, {:g} core(s) of {}; {} of {} cells finished.\n",
                      document["study"].get<std::string>(), document["preset"].get<std::string>(),
                      document["date"].get<std::string>(), document["version"].get<std::string>(),
                      document["cores"].get<double>(), document["cpu"]["model"].get<std::string>(),
                      document["finished"].get<int>(), document["cells"].get<int>());
  if (document["preset"] == "quick") {
    page += "This is the quick preset: few seeds and arms. Where it says nothing with an interval, it says nothing.\n";
  }
  if (!document["verdicts"].empty()) {
    page += "\n## Verdicts\n| claim | verdict | why |\n|---|---|---|\n";
    for (const Json& verdict : document["verdicts"]) {
      page += markdown_row({verdict["claim"], "**" + verdict["verdict"].get<std::string>() + "**", verdict["why"]});
    }
  }
  for (const Json& picture : document.value("pictures", Json::array())) {
    page += fmt::format("\n![{}]({})\n", picture["title"].get<std::string>(), picture["file"].get<std::string>());
  }
  for (const Json& table : document["tables"]) {
    page += fmt::format("\n## {}\n", table["title"].get<std::string>());
    page += markdown_row(table["header"]);
    page += "|";
    for (std::size_t i = 0; i < table["header"].size(); ++i) page += "---|";
    page += "\n";
    for (const Json& row : table["rows"]) page += markdown_row(row);
    if (!table["note"].get<std::string>().empty()) page += "\n" + table["note"].get<std::string>() + "\n";
  }
  if (!document["caveats"].empty()) {
    page += "\n## Caveats\n";
    for (const Json& caveat : document["caveats"]) page += "- " + caveat.get<std::string>() + "\n";
  }
  if (!document["missing"].empty() || !document["failed"].empty()) {
    page += "\n## Not measured\n";
    page += missing_list(document["missing"]);
    for (const Json& cell : document["failed"]) {
      page += fmt::format("- {}: {}\n", cell["cell"].get<std::string>(), cell["error"].get<std::string>());
    }
  }
  return page;
}

}  // namespace discreet::app
