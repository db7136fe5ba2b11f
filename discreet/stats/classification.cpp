#include "discreet/stats/classification.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"

namespace discreet::stats {

void ConfusionMatrix::add(std::int64_t gold, std::int64_t predicted, std::uint64_t times) {
  const auto inside = [this](std::int64_t label) {
    return label >= 0 && static_cast<std::size_t>(label) < classes_;
  };
  if (!inside(gold) || !inside(predicted)) {
    throw internal_error(
        fmt::format("classes ({}, {}) outside 0..{}", gold, predicted, classes_ - 1));
  }
  counts_[static_cast<std::size_t>(gold) * classes_ + static_cast<std::size_t>(predicted)] += times;
}

void ConfusionMatrix::add(std::span<const std::int64_t> gold,
                          std::span<const std::int64_t> predicted) {
  if (gold.size() != predicted.size()) {
    throw internal_error(
        fmt::format("{} gold and {} predicted classes", gold.size(), predicted.size()));
  }
  for (std::size_t i = 0; i < gold.size(); ++i) add(gold[i], predicted[i]);
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  if (other.classes_ != classes_) throw internal_error("confusion matrices of different classes");
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::uint64_t ConfusionMatrix::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

std::uint64_t ConfusionMatrix::correct() const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < classes_; ++i) sum += at(i, i);
  return sum;
}

std::uint64_t ConfusionMatrix::gold_count(std::size_t label) const {
  std::uint64_t sum = 0;
  for (std::size_t j = 0; j < classes_; ++j) sum += at(label, j);
  return sum;
}

std::uint64_t ConfusionMatrix::predicted_count(std::size_t label) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < classes_; ++i) sum += at(i, label);
  return sum;
}

PrecisionRecall precision_recall(std::uint64_t correct, std::uint64_t gold,
                                 std::uint64_t predicted) {
  PrecisionRecall result;
  const double hits = static_cast<double>(correct);
  if (predicted > 0) result.precision = hits / static_cast<double>(predicted);
  if (gold > 0) result.recall = hits / static_cast<double>(gold);
  if (gold + predicted > 0) result.f1 = 2 * hits / static_cast<double>(gold + predicted);
  return result;
}

ClassificationScores classification_scores(const ConfusionMatrix& confusion, double confidence) {
  ClassificationScores scores;
  scores.n = confusion.total();
  scores.correct = confusion.correct();
  if (scores.n == 0) return scores;
  const double n = static_cast<double>(scores.n);
  scores.accuracy = static_cast<double>(scores.correct) / n;
  scores.accuracy_ci = wilson(scores.correct, scores.n, confidence);
  scores.micro_f1 = scores.accuracy;
  double sum = 0;
  double weighted = 0;
  for (std::size_t label = 0; label < confusion.classes(); ++label) {
    const std::uint64_t gold = confusion.gold_count(label);
    const auto f1 =
        precision_recall(confusion.at(label, label), gold, confusion.predicted_count(label)).f1;
    if (!f1) continue;
    ++scores.scored_classes;
    sum += *f1;
    weighted += *f1 * static_cast<double>(gold);
  }
  scores.macro_f1 = sum / static_cast<double>(scores.scored_classes);
  scores.weighted_f1 = weighted / n;
  return scores;
}

namespace {

std::size_t equal_width_bin(double confidence, std::size_t bins) {
  const double scaled = std::ceil(confidence * static_cast<double>(bins)) - 1;
  return static_cast<std::size_t>(std::clamp(scaled, 0.0, static_cast<double>(bins - 1)));
}

}  // namespace

Calibration calibration(std::span<const double> confidences, std::span<const std::uint8_t> correct,
                        std::size_t bins, Binning binning) {
  if (confidences.size() != correct.size() || bins == 0) {
    throw internal_error(fmt::format("calibration of {} confidences and {} outcomes in {} bins",
                                     confidences.size(), correct.size(), bins));
  }
  const std::size_t n = confidences.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (binning == Binning::kEqualMass) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return confidences[a] < confidences[b]; });
  }
  Calibration result;
  result.bins.resize(bins);
  std::vector<double> confidence_sum(bins);
  std::vector<double> correct_sum(bins);
  for (std::size_t position = 0; position < n; ++position) {
    const std::size_t i = order[position];
    if (!(confidences[i] >= 0 && confidences[i] <= 1 + 1e-6)) {
      throw internal_error(fmt::format("confidence {} is outside [0, 1]", confidences[i]));
    }
    const std::size_t bin = binning == Binning::kEqualWidth ? equal_width_bin(confidences[i], bins)
                                                            : position * bins / n;
    if (binning == Binning::kEqualMass && result.bins[bin].n == 0) {
      result.bins[bin].low = confidences[i];
    }
    result.bins[bin].high = confidences[i];
    ++result.bins[bin].n;
    confidence_sum[bin] += confidences[i];
    correct_sum[bin] += correct[i] != 0 ? 1 : 0;
  }
  double error = 0;
  double worst = 0;
  for (std::size_t b = 0; b < bins; ++b) {
    CalibrationBin& bin = result.bins[b];
    if (binning == Binning::kEqualWidth) {
      bin.low = static_cast<double>(b) / static_cast<double>(bins);
      bin.high = static_cast<double>(b + 1) / static_cast<double>(bins);
    }
    if (bin.n == 0) continue;
    const double count = static_cast<double>(bin.n);
    bin.mean_confidence = confidence_sum[b] / count;
    bin.accuracy = correct_sum[b] / count;
    const double gap = std::abs(bin.accuracy - bin.mean_confidence);
    error += count / static_cast<double>(n) * gap;
    worst = std::max(worst, gap);
  }
  if (n > 0) {
    result.expected_error = error;
    result.maximum_error = worst;
  }
  return result;
}

}  // namespace discreet::stats
