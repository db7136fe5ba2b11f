#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "discreet/app/metric_table.h"
#include "discreet/core/json.h"

namespace discreet::app {

/// What `fairness correlate` asks of a table with one row per model and one column per metric.
struct CorrelateQuestion {
  std::vector<std::string> x, y;  ///< Columns; both empty: every column with every later one.
  std::vector<std::string> flip;  ///< Columns in which less is more biased: their sign is turned.
  /// Columns whose distance from a neutral value counts: StereoSet's ss from 50, effect sizes from 0, ratios from 1.
  std::map<std::string, double> neutral;
  /// Columns that measure what another does, with another seed: reliability of both.
  std::map<std::string, std::string> repeat;
  std::string family;              ///< Column that names a model's family: families are resampled, not models.
  std::filesystem::path about;     ///< JSON on columns (metric_table.h): orientation, group, notion, word list, data.
  double confidence = 0.95;
  std::uint64_t resamples = 1000;  ///< Of the bootstrap over models or families; 0: none.
  std::uint64_t seed = 0;
  std::filesystem::path picture;   ///< SVG of the matrix of Pearson's r; empty: none.
};

/// Correlations of the columns of a .csv, .tsv or .jsonl file: a discreet.fairness.correlate/1 document.
///
/// Columns are oriented first, so that larger is more biased everywhere: as they are, turned, or as distances from a neutral
/// value. Then for each pair Pearson's r, Spearman's rho and Kendall's tau-b with intervals (Fisher, and a bootstrap over
/// models or families), p-values corrected over all pairs (Holm, Benjamini-Hochberg), r divided by the root of both
/// reliabilities where columns have repeats, a verdict, and in what the two are misaligned. Rows in which one of
/// the two is empty are left out of that pair and counted.
/// A verdict needs 30 models and reliabilities of at least .5: "correlated" (Holm's p below .05), "no correlation" (|r| below
/// .3 by two one-sided tests at .05), else "undecided". Below 4 models there are no figures.
/// Throws: kUsage if only one of x and y is given; kBadData naming file, line and column.
Json correlations_of_table(const std::filesystem::path& table, const CorrelateQuestion& question);

/// The same of the fairness documents in the audits/ of runs, one row per run.
/// Throws: kUsage for a folder that is no run; kBadData if the runs have no metric in common.
Json correlations_of_runs(const std::vector<std::filesystem::path>& runs, const CorrelateQuestion& question);

}  // namespace discreet::app
