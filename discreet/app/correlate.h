#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// What `fairness correlate` asks of a table with one row per model and one column per metric.
struct CorrelateQuestion {
  std::vector<std::string> x, y;  ///< Columns; both empty: every column with every later one.
  std::vector<std::string> flip;  ///< Columns whose sign is turned, so that larger means more biased.
  double confidence = 0.95;
};

/// Correlations of the columns of a .csv, .tsv or .jsonl file: a discreet.fairness.correlate/1 document,
/// with p-values of Pearson's r corrected over all pairs (Holm). Rows in which one of the two is empty
/// are left out of that pair and counted. Below 30 rows no verdict on the absence of a correlation is
/// possible, and a caveat says so.
/// Throws: kUsage if only one of x and y is given; kBadData naming file, line and column.
Json correlations_of_table(const std::filesystem::path& table, const CorrelateQuestion& question);

}  // namespace discreet::app
