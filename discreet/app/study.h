#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/core/operation.h"
#include "discreet/stats/intervals.h"

namespace discreet::app {

enum class StudyPreset {
  kQuick,  ///< At most 20 minutes on two cores: fewer arms and seeds, modest verdicts.
  kFull,   ///< The design as the study's page states it.
};

/// One measurement of a study: what it depends on, complete, so that a finished cell is found again
/// only while it would be measured in the same way.
struct StudyCell {
  std::string name;  ///< Also its file's: letters, digits, - and .
  Json request;
};

using StudyResults = std::map<std::string, Json>;  ///< Finished cells by name.

/// What a study is; one file study/<name>.cpp fills one in (registry kind "study").
struct Study {
  std::string title;
  std::string question;
  /// Cells of a preset, in the order in which they run.
  std::vector<StudyCell> (*cells)(StudyPreset preset);
  /// One cell's work. `scratch` is an empty folder of its own, removed afterwards; its parent is the study's, which stays.
  Json (*measure)(const Json& request, const std::filesystem::path& scratch,
                  core::OperationContext& context);
  /// Tables and verdicts of what is finished: {"tables": […], "verdicts": […], "caveats": […]}; also
  /// {"pictures": [{"name", "title", "svg"}]}, which become files beside the page.
  /// Must do with any part of the cells; what it cannot tell yet it leaves out with a reason.
  Json (*analyse)(StudyPreset preset, const StudyResults& finished);
  /// Whether `measure` obeys a "device" beside the request; a cell measured elsewhere is the same cell, and says where.
  bool any_device = false;
};

using MakeStudy = Study (*)();

struct StudyOptions {
  StudyPreset preset = StudyPreset::kQuick;
  std::filesystem::path folder;    ///< Cells go to folder/cells, what they say to folder.
  /// A file of finished cells, one a line: what it holds is not measured again, and what is finished now is put into it.
  std::filesystem::path cells;
  double minutes = 0;              ///< Begin no cell after so long; 0: no limit.
  std::vector<std::string> only;   ///< Patterns of cells to measure; none: all.
  /// This process measures every `shares`-th cell from the `share`-th on: as many processes on one
  /// folder divide a study among them, and the one that ends last analyses all.
  int share = 1, shares = 1;
  std::string device = "cpu";      ///< As run.device: where cells are measured, of a study that can be.
};

/// Measures the cells that are not finished, then analyses all that are.
///
/// Each finished cell is one file, written whole or not at all, so that a later call goes on where one
/// was stopped; a cell whose request changed is measured again. A cell that fails is listed with its
/// error, and the others go on. Cells that `only` or `share` leave to others count as missing until their files
/// are there. Writes folder/study.json (discreet.study/1) and folder/page.md, and
/// returns the document. Throws: kUsage for an unknown study, naming the nearest, and for a device that the study cannot
/// be measured on; interrupted after the current cell when asked to stop.
Json run_study(const std::string& name, const StudyOptions& options,
               core::OperationContext& context);

/// The same numbers as a page: question, preset, verdicts, tables, what is missing.
std::string study_page(const Json& document);

/// A table of a study's document.
Json study_table(const std::string& title, const std::vector<std::string>& header,
                 const std::vector<std::vector<std::string>>& rows, const std::string& note = "");

/// "0.123 [0.100, 0.146]", or the value alone.
std::string with_interval(double value, const std::optional<stats::Interval>& ci, int digits);
/// The same of the mean of the values with its 95 % t-interval, which one value has not; "not measured" without any.
std::string mean_with_interval(std::span<const double> values, int digits);
std::vector<double> seed_values(const std::map<int, double>& by_seed);
std::string mean_with_interval(const std::map<int, double>& by_seed, int digits);

/// A verdict on a published claim: reproduced | not reproduced | inconclusive | not testable.
Json study_verdict(const std::string& claim, const std::string& verdict, const std::string& why);

}  // namespace discreet::app
