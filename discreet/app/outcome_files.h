#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::app {

/// What `mitigate reweigh` does.
struct ReweighRequest {
  std::filesystem::path input, output;  ///< .jsonl, .csv or .tsv
  std::string label = "label";
  std::vector<std::string> group;       ///< Several columns: their intersections.
  std::string column = "weight";        ///< Name of the new column.
};

/// Writes the input with a column of weights under which label and group are independent; a run takes it as
/// mitigate.weight. Returns discreet.mitigate.reweigh/1: the table of weights, and how far label and group were from
/// independent before. Throws: kBadData for a row without label or group; kUsage if the column is there already.
Json reweigh_file(const ReweighRequest& request);

/// Rows of predictions, from a file or from a run.
struct OutcomeRows {
  std::vector<std::string> label, group;
  std::vector<double> score;
};

/// What `mitigate thresholds` does.
struct ThresholdRequest {
  std::filesystem::path input;     ///< Fitted on these rows;
  std::filesystem::path evaluate;  ///< measured on these; empty: the same, and says so.
  std::filesystem::path output;    ///< The rows of `evaluate` with probability and prediction; empty: none.
  std::string label = "label", score = "score";
  std::vector<std::string> group;
  std::string positive;            ///< Class; empty: 1 or true.
  std::string constraint = "equalized-odds";
  double threshold = 0.5;          ///< Of the predictions before.
  double false_positive_cost = 1, false_negative_cost = 1;
  std::int64_t resamples = 1000;
  std::uint64_t seed = 0;          ///< Of the draws of predictions and of resamples.
};

/// Columns of a file as rows. Throws: kBadData naming file and line.
OutcomeRows read_outcomes(const std::filesystem::path& path, const ThresholdRequest& request);

/// discreet.mitigation/1 with the rule of each group: gaps and accuracy before and after, with intervals resampled
/// within groups. `inputs` name where the rows are from. Throws: as mitigate::choose_thresholds.
Json choose_group_thresholds(const ThresholdRequest& request, const OutcomeRows& fit, const OutcomeRows& evaluation,
                             bool same_rows);

/// The same for files.
Json threshold_file(const ThresholdRequest& request);

}  // namespace discreet::app
