#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "discreet/core/document.h"
#include "discreet/core/json.h"

namespace discreet::app {

/// Which way a metric points.
enum class MetricDirection { kMoreIsBiased, kLessIsBiased, kDistance };

/// A metric of models: how it points, and what it is about; empty where nothing is said.
struct MetricColumn {
  std::string name;
  MetricDirection direction = MetricDirection::kMoreIsBiased;
  double neutral = 0;  ///< Of kDistance.
  std::string family;  ///< "intrinsic", "extrinsic"
  std::string group, notion, word_list, data;
  bool lacks_sampling = false;  ///< Of texts that were written, without how they were drawn.
};

/// Models by metrics.
struct MetricTable {
  std::vector<std::string> models, families;  ///< `families` is empty where none is known.
  std::vector<MetricColumn> columns;
  std::vector<std::vector<std::optional<double>>> values;  ///< [column][model]
  std::vector<core::InputFile> inputs;

  /// Throws: kUsage naming the nearest column.
  std::size_t place(const std::string& name) const;
};

/// Columns of numbers of a .csv, .tsv or .jsonl file; `names` empty: all of them. `family`: column with each model's family.
/// Throws: as read_table; kBadData for a column that is asked for and holds no numbers.
MetricTable metric_table_of_file(const std::filesystem::path& path, const std::vector<std::string>& names,
                                 const std::string& family);

/// What runs' audits/ hold of fairness, one row per run: effect sizes of association tests (distance from 0), StereoSet's ss
/// and pairs' scores (from 50), log probability biases (from 0), gaps and ratios (from 1) of groups, AUCs (less is more
/// biased), differences between groups of generations, sensitivities. A column knows its protected group, notion, word
/// lists and data as far as the documents tell. Of several documents of one kind the newest counts.
/// Throws: kUsage for a folder that is no run.
MetricTable metric_table_of_runs(const std::vector<std::filesystem::path>& runs);

/// {"column": {"direction": "more" | "less" | "distance", "neutral": 50, "family", "group", "notion", "word_list", "data"}}
/// over what is known. Throws: kUsage for an unknown column or key, kBadData for what is no such file.
void tell_columns(const std::filesystem::path& path, MetricTable& table);

/// A value as it is compared: larger is more biased.
double oriented(const MetricColumn& column, double value);

}  // namespace discreet::app
