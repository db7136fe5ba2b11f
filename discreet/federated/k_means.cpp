#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "discreet/core/error.h"
#include "discreet/core/random.h"
#include "discreet/core/threads.h"
#include "discreet/federated/features.h"

namespace discreet::federated {
namespace {

constexpr std::size_t kChunk = 256;  // rows that one call of a thread assigns

/// Centres as dense rows, with their squared norms.
struct Centres {
  std::size_t width = 0;
  std::vector<double> values;  // [k, width]
  std::vector<double> squares;

  void add_row(const FeatureRows& rows, std::size_t row) {
    values.resize(values.size() + width, 0.0);
    double* centre = values.data() + values.size() - width;
    double square = 0;
    for (std::size_t e = rows.offsets[row]; e < rows.offsets[row + 1]; ++e) {
      centre[rows.columns[e]] = rows.values[e];
      square += double(rows.values[e]) * rows.values[e];
    }
    squares.push_back(square);
  }
  double product(const FeatureRows& rows, std::size_t row, std::size_t centre) const {
    const double* at = values.data() + centre * width;
    double sum = 0;
    for (std::size_t e = rows.offsets[row]; e < rows.offsets[row + 1]; ++e) {
      sum += at[rows.columns[e]] * rows.values[e];
    }
    return sum;
  }
};

std::vector<double> row_squares(const FeatureRows& rows) {
  std::vector<double> squares(static_cast<std::size_t>(rows.rows()), 0.0);
  for (std::size_t row = 0; row < squares.size(); ++row) {
    for (std::size_t e = rows.offsets[row]; e < rows.offsets[row + 1]; ++e) {
      squares[row] += double(rows.values[e]) * rows.values[e];
    }
  }
  return squares;
}

/// k-means++: each next seed is a row drawn with a chance proportional to its squared distance from
/// the nearest seed so far.
Centres seed_centres(const FeatureRows& rows, const std::vector<double>& squares,
                     const KMeansOptions& options) {
  core::ReproducibleRng rng(options.seed, "k-means++");
  Centres centres{.width = static_cast<std::size_t>(rows.width), .values = {}, .squares = {}};
  const std::size_t n = squares.size();
  std::vector<double> nearest(n, std::numeric_limits<double>::infinity());
  std::size_t chosen = rng.below(n);
  while (true) {
    centres.add_row(rows, chosen);
    if (centres.squares.size() == static_cast<std::size_t>(options.clusters)) return centres;
    const std::size_t last = centres.squares.size() - 1;
    double sum = 0;
    for (std::size_t row = 0; row < n; ++row) {
      const double distance =
          squares[row] - 2 * centres.product(rows, row, last) + centres.squares[last];
      nearest[row] = std::max(0.0, std::min(nearest[row], distance));
      sum += nearest[row];
    }
    if (!(sum > 0)) {  // fewer different rows than clusters: any row will do
      chosen = rng.below(n);
      continue;
    }
    double place = rng.uniform() * sum;
    chosen = n - 1;
    for (std::size_t row = 0; row < n; ++row) {
      place -= nearest[row];
      if (place < 0) {
        chosen = row;
        break;
      }
    }
  }
}

/// Nearest centre of every row, ties to the lower one; returns whether any changed.
bool assign_rows(const FeatureRows& rows, const std::vector<double>& squares,
                 const Centres& centres, int threads, std::vector<std::int32_t>& assignment,
                 std::vector<double>& distance) {
  const std::size_t n = squares.size();
  const std::size_t chunks = (n + kChunk - 1) / kChunk;
  std::vector<char> changed(chunks, 0);
  core::parallel_for(chunks, threads, [&](std::size_t chunk) {
    for (std::size_t row = chunk * kChunk; row < std::min(n, (chunk + 1) * kChunk); ++row) {
      std::int32_t best = 0;
      double least = std::numeric_limits<double>::infinity();
      for (std::size_t k = 0; k < centres.squares.size(); ++k) {
        const double d = squares[row] - 2 * centres.product(rows, row, k) + centres.squares[k];
        if (d < least) {
          least = d;
          best = static_cast<std::int32_t>(k);
        }
      }
      if (assignment[row] != best) changed[chunk] = 1;
      assignment[row] = best;
      distance[row] = std::max(0.0, least);
    }
  });
  return std::find(changed.begin(), changed.end(), 1) != changed.end();
}

/// Centres move to the means of their rows; an empty one takes the row farthest from its own.
void move_centres(const FeatureRows& rows, std::vector<std::int32_t>& assignment,
                  std::vector<double>& distance, Centres& centres) {
  const std::size_t k = centres.squares.size();
  std::vector<std::size_t> count(k, 0);
  for (const std::int32_t cluster : assignment) ++count[static_cast<std::size_t>(cluster)];
  for (std::size_t c = 0; c < k; ++c) {
    if (count[c] > 0) continue;
    std::size_t farthest = assignment.size();
    for (std::size_t row = 0; row < assignment.size(); ++row) {
      if (count[static_cast<std::size_t>(assignment[row])] < 2) continue;
      if (farthest == assignment.size() || distance[row] > distance[farthest]) farthest = row;
    }
    if (farthest == assignment.size()) continue;  // not reached: there are as many rows as clusters
    --count[static_cast<std::size_t>(assignment[farthest])];
    assignment[farthest] = static_cast<std::int32_t>(c);
    distance[farthest] = 0;
    count[c] = 1;
  }
  std::fill(centres.values.begin(), centres.values.end(), 0.0);
  for (std::size_t row = 0; row < assignment.size(); ++row) {
    double* centre =
        centres.values.data() + static_cast<std::size_t>(assignment[row]) * centres.width;
    for (std::size_t e = rows.offsets[row]; e < rows.offsets[row + 1]; ++e) {
      centre[rows.columns[e]] += rows.values[e];
    }
  }
  for (std::size_t c = 0; c < k; ++c) {
    double square = 0;
    for (std::size_t i = c * centres.width; i < (c + 1) * centres.width; ++i) {
      centres.values[i] /= static_cast<double>(std::max<std::size_t>(1, count[c]));
      square += centres.values[i] * centres.values[i];
    }
    centres.squares[c] = square;
  }
}

}  // namespace

Clusters k_means(const FeatureRows& rows, const KMeansOptions& options) {
  if (rows.rows() < options.clusters || options.clusters < 1) {
    throw usage_error(
        fmt::format("{} clusters of {} examples", options.clusters, rows.rows()),
        "There must be at least one cluster and as many examples as clusters.");
  }
  const std::vector<double> squares = row_squares(rows);
  Centres centres = seed_centres(rows, squares, options);
  Clusters clusters;
  clusters.assignment.assign(squares.size(), -1);
  std::vector<double> distance(squares.size(), 0.0);
  while (clusters.steps < options.steps) {
    ++clusters.steps;
    const bool changed = assign_rows(rows, squares, centres, options.threads, clusters.assignment,
                                     distance);
    if (!changed) break;
    move_centres(rows, clusters.assignment, distance, centres);
  }
  for (const double d : distance) clusters.inertia += d;
  return clusters;
}

}  // namespace discreet::federated
