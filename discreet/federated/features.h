#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace discreet::federated {

/// Rows of features, sparse: row i has columns[offsets[i] .. offsets[i+1]) with their values.
/// Shapes: M rows, `width` columns; columns rise inside a row.
struct FeatureRows {
  std::int64_t width = 0;
  std::vector<std::size_t> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<float> values;
  std::int64_t rows() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
};

/// TF-IDF of hashed words, each row of norm 1 (a row without words stays zero): count times
/// log((1 + M) / (1 + rows with the word)) + 1. Words fall into buckets by a keyed hash, so that no
/// vocabulary is made from the text.
FeatureRows hashed_tf_idf(std::span<const std::vector<std::string>> words,
                          std::int64_t buckets = 1 << 14);

/// A matrix [M, d] from a .safetensors file (its only tensor of two dimensions) or a .npy file
/// (float32 or float64). Throws: kBadData naming file, expected and found; a value that is not finite.
FeatureRows read_features(const std::filesystem::path& path, std::int64_t rows);

struct Clusters {
  std::vector<std::int32_t> assignment;  ///< [M]
  double inertia = 0;                    ///< Sum of squared distances to the own centre.
  std::int64_t steps = 0;
};

struct KMeansOptions {
  std::int64_t clusters = 10;
  std::int64_t steps = 100;
  std::uint64_t seed = 1;
  int threads = 1;
};

/// k-means with seeds by k-means++ and Lloyd's steps until nothing moves or `steps` are made. A
/// cluster that loses its last row takes the row farthest from its centre. The same for any number of
/// threads. Cost: O(steps * entries * k). Throws: kUsage if there are fewer rows than clusters.
/// Ref: Arthur and Vassilvitskii 2007.
Clusters k_means(const FeatureRows& rows, const KMeansOptions& options);

}  // namespace discreet::federated
