#include "discreet/federated/label_noise.h"

#include <cmath>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::federated {
namespace {

/// The sum of a word's normal weights, over the root of their number: standard normal.
double text_score(std::span<const std::string> words, std::uint64_t seed, const std::string& purpose) {
  double sum = 0;
  for (const std::string& word : words) sum += core::ReproducibleRng(seed, purpose + "." + word).normal();
  return words.empty() ? 0 : sum / std::sqrt(static_cast<double>(words.size()));
}

/// The wrong class that this text is taken for: the one with the highest score.
std::int64_t likely_mistake(std::int64_t truth, std::int64_t classes, std::span<const std::string> words,
                            std::uint64_t seed) {
  std::int64_t best = truth;
  double most = -HUGE_VAL;
  for (std::int64_t c = 0; c < classes; ++c) {
    if (c == truth) continue;
    const double score = text_score(words, seed, fmt::format("mistake.{}", c));
    if (score > most) {
      most = score;
      best = c;
    }
  }
  return best;
}

std::int64_t draw_of_row(std::span<const double> row, double uniform) {
  double sum = 0;
  for (std::size_t c = 0; c < row.size(); ++c) {
    sum += row[c];
    if (uniform < sum) return static_cast<std::int64_t>(c);
  }
  return static_cast<std::int64_t>(row.size()) - 1;
}

}  // namespace

void check_label_noise(const LabelNoise& noise, std::int64_t classes) {
  if (!(noise.rate >= 0 && noise.rate <= 1)) throw usage_error(fmt::format("a label noise of {}", noise.rate));
  if (noise.kind != LabelNoiseKind::kConfusion) return;
  const auto n = static_cast<std::size_t>(classes);
  if (noise.confusion.size() != n * n) {
    throw usage_error(fmt::format("a confusion matrix of {} numbers for {} classes", noise.confusion.size(), n),
                      fmt::format("Give {} rows of {}: the row is the right class.", n, n));
  }
  for (std::size_t r = 0; r < n; ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < n; ++c) {
      const double share = noise.confusion[r * n + c];
      if (!(share >= 0)) throw usage_error(fmt::format("row {} of the confusion matrix has {}", r, share));
      sum += share;
    }
    if (!(std::abs(sum - 1) <= 1e-6)) throw usage_error(fmt::format("row {} of the confusion matrix sums to {}", r, sum));
  }
}

std::vector<double> transition_matrix(const LabelNoise& noise, std::int64_t classes) {
  if (noise.kind == LabelNoiseKind::kConfusion) return noise.confusion;
  const auto n = static_cast<std::size_t>(classes);
  std::vector<double> matrix(n * n, 0.0);
  for (std::size_t r = 0; r < n; ++r) {
    for (std::size_t c = 0; c < n; ++c) {
      double& share = matrix[r * n + c];
      if (n == 1) {
        share = 1;
      } else if (noise.kind == LabelNoiseKind::kPair) {
        share = r == c ? 1 - noise.rate : c == (r + 1) % n ? noise.rate : 0;
      } else {
        share = r == c ? 1 - noise.rate : noise.rate / static_cast<double>(n - 1);
      }
    }
  }
  return matrix;
}

double text_difficulty(std::span<const std::string> words, std::uint64_t seed) {
  return 0.5 * std::erfc(-text_score(words, seed, "difficulty") / std::sqrt(2.0));
}

std::int64_t noisy_label(const LabelNoise& noise, std::int64_t truth, std::int64_t classes,
                         std::span<const std::string> words, std::uint64_t seed, const std::string& example) {
  if (truth < 0 || classes < 2) return truth;
  core::ReproducibleRng rng(seed, fmt::format("label.{}", example));
  const double first = rng.uniform();
  if (noise.kind == LabelNoiseKind::kInstance) {
    // Mean of 2 d over a uniform d is 1; beyond a half some are wrong for certain, and the mean is lower.
    const double rate = std::min(1.0, 2 * noise.rate * text_difficulty(words, seed));
    return first < rate ? likely_mistake(truth, classes, words, seed) : truth;
  }
  if (noise.kind == LabelNoiseKind::kConfusion) {
    const auto n = static_cast<std::size_t>(classes);
    return draw_of_row(std::span<const double>(noise.confusion).subspan(static_cast<std::size_t>(truth) * n, n), first);
  }
  if (first >= noise.rate) return truth;
  if (noise.kind == LabelNoiseKind::kPair) return (truth + 1) % classes;
  const auto other = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(classes - 1)));
  return other + (other >= truth ? 1 : 0);
}

}  // namespace discreet::federated
