#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/federated/evaluation/metric_sums.h"

namespace discreet::federated {

/// Which sums devices make of a model's predictions. The server sends it beside the model.
struct MetricProgram {
  std::vector<std::string> classes;  ///< Of classification; empty: no class counts.
  std::vector<std::string> groups;   ///< Names of groups of speakers; empty: no group table.
  std::size_t calibration_bins = 15;  ///< With classes; 0: none.
  /// Losses, entities and tokens of one example count up to the bounds below. Without, the sums are
  /// exact and can't be released under privacy.
  bool bounded = true;
  double most_loss = 10;  ///< Of one example or token. Also the histogram's end.
  std::size_t loss_bins = 20;
  bool chunks = false;     ///< Gold, predicted and correct entities.
  double most_chunks = 16;  ///< Of one example: gold and predicted together.
  bool tokens = false;     ///< Sum of -log p over tokens, and their number.
  double most_tokens = 512;
  std::size_t client_bins = 50;  ///< Of the histogram of devices over their own score.
};

std::shared_ptr<const MetricLayout> metric_layout(const MetricProgram& program);

/// One example as its device sees it. What it does not have is absent.
struct EvaluatedExample {
  std::optional<std::int64_t> gold, predicted;  ///< Classes; a gold class of -1 is known to nobody.
  std::optional<double> confidence;             ///< Of the predicted class.
  std::optional<double> loss;
  std::optional<std::size_t> group;
  bool right = false;  ///< By the task's own rule; what a device's score counts.
  std::uint64_t gold_chunks = 0, predicted_chunks = 0, right_chunks = 0;
  double log_loss_sum = 0;  ///< -log p over its tokens.
  double tokens = 0;
};

/// How well a device fares, in [0, 1]: the share of its examples that are right as a whole; with tokens
/// and no classes the geometric mean of their probabilities. 0 without examples.
double device_score(const MetricProgram& program, std::span<const EvaluatedExample> examples);

/// The sums of one device over its examples, its place in the histogram of devices included. A device
/// without examples adds nothing.
MetricSums device_sums(const MetricProgram& program, std::shared_ptr<const MetricLayout> layout,
                       std::span<const EvaluatedExample> examples);

/// How a score is spread over devices.
struct ClientSpread {
  double devices = 0;
  std::optional<double> mean, variance, gini, entropy;
  std::optional<double> first_decile;  ///< 10th percentile.
  std::optional<double> worst_decile;  ///< Mean of the tenth of the devices that fare worst.
  std::optional<double> gap;           ///< Best minus worst decile.
  double resolution = 0;  ///< Largest error of deciles and Gini from the histogram's bins; 0: none.
};

/// Of each device's score, as a simulator sees it. Entropy: of score_k / sum, over log(devices), so 1 is
/// perfectly even (Shi et al. 2023 list the measures: variance, Gini, entropy).
ClientSpread spread_of(std::span<const double> scores);
/// The same of the blocks "device_histogram" and "device_moments": all that leaves the devices.
ClientSpread spread_of_sums(const MetricLayout& layout, std::span<const double> values);

Json to_json(const ClientSpread& spread);

/// Metrics of all examples of all devices, from sums alone: n, accuracy, macro_f1, micro_f1,
/// calibration_error, loss, loss_median, entity_f1, perplexity, by_group with the accuracy of each group
/// and the largest difference. `least`: groups with fewer examples, or fewer than three standard
/// deviations of noise, do not appear. `deviation` [blocks] of noise; empty: none.
Json metrics_of_sums(const MetricProgram& program, const MetricLayout& layout,
                     std::span<const double> values, std::span<const double> deviation, double least);

}  // namespace discreet::federated
