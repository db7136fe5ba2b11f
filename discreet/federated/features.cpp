#include "discreet/federated/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "discreet/core/error.h"
#include "discreet/formats/npy.h"
#include "discreet/formats/safetensors.h"
#include "discreet/text/vocabulary.h"

namespace discreet::federated {
namespace {

FeatureRows dense_rows(const std::vector<float>& values, std::int64_t rows, std::int64_t width) {
  FeatureRows features;
  features.width = width;
  features.values = values;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t c = 0; c < width; ++c) {
      features.columns.push_back(static_cast<std::int32_t>(c));
    }
    features.offsets.push_back(features.columns.size());
  }
  return features;
}

void check_matrix(const std::vector<std::int64_t>& shape, std::int64_t rows,
                  const std::filesystem::path& path) {
  if (shape.size() == 2 && shape[0] == rows && shape[1] > 0) return;
  std::string found;
  for (const std::int64_t extent : shape) {
    found += fmt::format("{}{}", found.empty() ? "" : ", ", extent);
  }
  throw bad_data(fmt::format("{}: shape [{}], expected [{}, d], a row for each example",
                             path.string(), found, rows),
                 "Training examples come first, then those of --test.");
}

}  // namespace

FeatureRows hashed_tf_idf(std::span<const std::vector<std::string>> words, std::int64_t buckets) {
  const text::Vocabulary vocabulary = text::Vocabulary::hashed(buckets, 0);
  std::vector<double> rows_with(static_cast<std::size_t>(buckets), 0.0);
  FeatureRows features;
  features.width = buckets;
  for (const auto& row : words) {
    std::map<std::int32_t, float> counts;
    for (const std::string& word : row) {
      ++counts[static_cast<std::int32_t>(vocabulary.id(word))];
    }
    for (const auto& [column, count] : counts) {
      features.columns.push_back(column);
      features.values.push_back(count);
      ++rows_with[static_cast<std::size_t>(column)];
    }
    features.offsets.push_back(features.columns.size());
  }
  const double all = static_cast<double>(words.size());
  for (std::size_t row = 0; row + 1 < features.offsets.size(); ++row) {
    double squares = 0;
    for (std::size_t e = features.offsets[row]; e < features.offsets[row + 1]; ++e) {
      const double with = rows_with[static_cast<std::size_t>(features.columns[e])];
      const double value = features.values[e] * (std::log((1 + all) / (1 + with)) + 1);
      features.values[e] = static_cast<float>(value);
      squares += value * value;
    }
    for (std::size_t e = features.offsets[row]; e < features.offsets[row + 1]; ++e) {
      features.values[e] = static_cast<float>(features.values[e] / std::sqrt(squares));
    }
  }
  return features;
}

FeatureRows read_features(const std::filesystem::path& path, std::int64_t rows) {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
  if (path.extension() == ".npy") {
    formats::NpyArray array = formats::read_npy(path);
    shape = array.shape;
    values = std::move(array.values);
  } else if (path.extension() == ".safetensors") {
    const formats::SafetensorsFile file(path);
    std::vector<std::string> matrices;
    for (const std::string& name : file.names()) {
      if (file.at(name).shape.size() == 2) matrices.push_back(name);
    }
    if (matrices.size() != 1) {
      throw bad_data(fmt::format("{}: {} tensors of two dimensions, expected one", path.string(),
                                 matrices.size()));
    }
    const formats::TensorView& tensor = file.at(matrices.front());
    shape = tensor.shape;
    values.resize(static_cast<std::size_t>(tensor.count()));
    formats::copy_to_floats(tensor, values);
  } else {
    throw usage_error(fmt::format("{}: features come as .safetensors or .npy", path.string()));
  }
  check_matrix(shape, rows, path);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    throw bad_data(fmt::format("{}: row {} has a value that is not finite", path.string(),
                               static_cast<std::int64_t>(i) / shape[1]));
  }
  return dense_rows(values, shape[0], shape[1]);
}

}  // namespace discreet::federated
