#include "discreet/stats/weat.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/core/random.h"

namespace discreet::stats {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

double length(std::span<const float> vector) {
  const double norm = std::sqrt(dot(vector, vector));
  if (!(norm > 0)) throw bad_data("a word's vector is zero, so it has no direction");
  return norm;
}

/// The mean of a set's vectors, each scaled to length 1: a mean of cosines is one product with it.
std::vector<double> mean_direction(const WordSet& set, std::size_t dimension) {
  if (set.size() == 0) throw internal_error("an association with an empty attribute set");
  if (set.dimension != dimension) throw internal_error("an association of vectors of unequal length");
  std::vector<double> mean(dimension, 0.0);
  for (std::size_t i = 0; i < set.size(); ++i) {
    const std::span<const float> row = set.row(i);
    const double scale = 1 / (length(row) * static_cast<double>(set.size()));
    for (std::size_t d = 0; d < dimension; ++d) mean[d] += scale * row[d];
  }
  return mean;
}

/// Counts partitions by the sum over the first part.
class Counter {
 public:
  Counter(double observed, double mirrored, double tolerance)
      : observed_(observed), mirrored_(mirrored), tolerance_(tolerance) {}

  /// `sum`: over the part that stands for X. The statistic rises with it.
  void add(double sum) {
    above_ += sum > observed_ + tolerance_;
    const bool high = sum >= observed_ - tolerance_;
    at_least_ += high;
    const bool extreme = observed_ >= mirrored_ ? high || sum <= mirrored_ + tolerance_
                                                : sum <= observed_ + tolerance_ || sum >= mirrored_ - tolerance_;
    two_sided_ += extreme;
  }
  void finish(PermutationTest& test, std::uint64_t partitions, bool exact) const {
    test.partitions = partitions;
    test.exact = exact;
    test.above = above_;
    test.at_least = at_least_;
    test.two_sided = two_sided_;
    // A random relabelling that is as extreme may be the one at hand, which always counts.
    const auto share = [&](std::uint64_t hits) {
      return exact ? static_cast<double>(hits) / static_cast<double>(partitions)
                   : static_cast<double>(hits + 1) / static_cast<double>(partitions + 1);
    };
    test.p_value = share(at_least_);
    test.p_strict = share(above_);
    test.p_two_sided = share(two_sided_);
  }

 private:
  double observed_, mirrored_, tolerance_;
  std::uint64_t above_ = 0, at_least_ = 0, two_sided_ = 0;
};

/// Binomial coefficient, or more than `limit` where it is larger.
std::uint64_t choose_up_to(std::size_t n, std::size_t k, std::uint64_t limit) {
  double value = 1;
  for (std::size_t i = 1; i <= std::min(k, n - k); ++i) {
    value = value * static_cast<double>(n - std::min(k, n - k) + i) / static_cast<double>(i);
    if (value > static_cast<double>(limit) + 0.5) return limit + 1;
  }
  return static_cast<std::uint64_t>(std::llround(value));
}

/// Every choice of `left` values from `from` on, by recursion: one addition per node of the tree.
void count_choices(std::span<const double> values, std::size_t from, std::size_t left, double sum,
                   Counter& counter) {
  if (left == 0) return counter.add(sum);
  for (std::size_t i = from; i + left <= values.size(); ++i) {
    count_choices(values, i + 1, left - 1, sum + values[i], counter);
  }
}

PermutationTest permutation_test(std::span<const double> s_x, std::span<const double> s_y,
                                 const PermutationOptions& options) {
  std::vector<double> all(s_x.begin(), s_x.end());
  all.insert(all.end(), s_y.begin(), s_y.end());
  const double n = static_cast<double>(all.size()), n_x = static_cast<double>(s_x.size());
  // The difference of means is (n sum_X - n_X total) / (n_X n_Y): it rises with sum_X, and a statistic of
  // the opposite sign and the same size has sum_X mirrored at its expectation n_X total / n.
  const double observed = std::accumulate(s_x.begin(), s_x.end(), 0.0);
  const double total = std::accumulate(all.begin(), all.end(), 0.0);
  const auto [low, high] = std::minmax_element(all.begin(), all.end());
  const double spread = std::max((*high - *low) * n_x, std::abs(total) * 1e-3);
  Counter counter(observed, 2 * n_x * total / n - observed, 1e-12 * spread);
  PermutationTest test;
  const std::uint64_t partitions = choose_up_to(all.size(), s_x.size(), options.limit);
  if (partitions <= options.limit) {
    count_choices(all, 0, s_x.size(), 0, counter);
    counter.finish(test, partitions, true);
    return test;
  }
  core::ReproducibleRng rng(options.seed, "weat");
  for (std::uint64_t i = 0; i < options.samples; ++i) {
    // The first part of a shuffle is all that is needed.
    double sum = 0;
    for (std::size_t k = 0; k < s_x.size(); ++k) {
      std::swap(all[k], all[k + rng.below(all.size() - k)]);
      sum += all[k];
    }
    counter.add(sum);
  }
  counter.finish(test, options.samples, false);
  return test;
}

}  // namespace

std::vector<double> association(const WordSet& targets, const WordSet& a, const WordSet& b) {
  const std::vector<double> mean_a = mean_direction(a, targets.dimension);
  const std::vector<double> mean_b = mean_direction(b, targets.dimension);
  std::vector<double> scores;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::span<const float> row = targets.row(i);
    double sum = 0;
    for (std::size_t d = 0; d < row.size(); ++d) sum += row[d] * (mean_a[d] - mean_b[d]);
    scores.push_back(sum / length(row));
  }
  return scores;
}

WeatResult weat(std::span<const double> s_x, std::span<const double> s_y,
                const PermutationOptions& options) {
  if (s_x.empty() || s_y.empty()) throw internal_error("an association test with an empty target set");
  WeatResult result;
  const double sum_x = std::accumulate(s_x.begin(), s_x.end(), 0.0);
  const double sum_y = std::accumulate(s_y.begin(), s_y.end(), 0.0);
  const double n = static_cast<double>(s_x.size() + s_y.size());
  result.sum = sum_x - sum_y;
  result.difference = sum_x / static_cast<double>(s_x.size()) - sum_y / static_cast<double>(s_y.size());
  const double mean = (sum_x + sum_y) / n;
  double squares = 0, largest = 0;
  for (const auto part : {s_x, s_y}) {
    for (const double s : part) {
      squares += (s - mean) * (s - mean);
      largest = std::max(largest, std::abs(s));
    }
  }
  result.variance = squares / (n - 1);
  // Equal scores differ by rounding alone.
  if (std::sqrt(squares / n) <= 1e-14 * std::max(largest, 1e-300)) {
    result.reason = "all target words have the same association, so it has no spread to measure by";
  } else {
    result.effect_size = result.difference / std::sqrt(result.variance);
    result.effect_size_ddof0 = result.difference / std::sqrt(squares / n);
  }
  result.test = permutation_test(s_x, s_y, options);
  return result;
}

std::optional<double> wefat(std::span<const float> word, const WordSet& a, const WordSet& b) {
  const double norm = length(word);
  std::vector<double> cosines;
  for (const WordSet* set : {&a, &b}) {
    if (set->size() == 0) throw internal_error("an association with an empty attribute set");
    for (std::size_t i = 0; i < set->size(); ++i) {
      cosines.push_back(dot(word, set->row(i)) / (norm * length(set->row(i))));
    }
  }
  const auto middle = cosines.begin() + static_cast<std::ptrdiff_t>(a.size());
  const double mean_a = std::accumulate(cosines.begin(), middle, 0.0) / static_cast<double>(a.size());
  const double mean_b = std::accumulate(middle, cosines.end(), 0.0) / static_cast<double>(b.size());
  const double n = static_cast<double>(cosines.size());
  const double mean = std::accumulate(cosines.begin(), cosines.end(), 0.0) / n;
  double squares = 0;
  for (const double cosine : cosines) squares += (cosine - mean) * (cosine - mean);
  if (!(squares > 1e-28)) return std::nullopt;
  return (mean_a - mean_b) / std::sqrt(squares / (n - 1));
}

}  // namespace discreet::stats
