#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "discreet/formats/safetensors.h"

namespace discreet::formats {

/// The weights of a model folder in the Hugging Face layout: model.safetensors, or
/// model.safetensors.index.json with its shards, or one file of any name. Files are mapped: a
/// weight is read from the disk when it is asked for.
class WeightFolder {
 public:
  /// Throws: kRuntime; kBadData as SafetensorsModel does, and for a folder whose weights are in
  /// another format (pytorch_model.bin, tf_model.h5, …), with the way to convert them.
  explicit WeightFolder(const std::filesystem::path& path);

  const std::vector<std::string>& names() const { return model_.names(); }
  bool contains(const std::string& name) const { return model_.contains(name); }
  /// The bytes as they lie in the file. Throws: kBadData naming the nearest name.
  const TensorView& at(const std::string& name) const { return model_.at(name); }
  const std::vector<std::int64_t>& shape(const std::string& name) const { return at(name).shape; }
  DType dtype(const std::string& name) const { return at(name).dtype; }
  /// Values of all weights.
  std::int64_t count() const;

  /// Row-major; F16 and BF16 widened exactly, F64 and integers rounded to float32.
  std::vector<float> read_float(const std::string& name) const;
  /// Into `out`, which has as many values as the weight. Throws: kBadData if it has not.
  void read_float(const std::string& name, std::span<float> out) const;

 private:
  std::filesystem::path path_;
  SafetensorsModel model_;
};

/// A weight that is made when its turn to be written comes.
struct WeightToWrite {
  std::string name;
  std::vector<std::int64_t> shape;
  /// Fills the values, row-major.
  std::function<void(std::span<float>)> fill;
};

struct WeightWriterOptions {
  DType dtype = DType::kF32;  ///< kF32, kF16 or kBF16.
  /// A file takes weights up to this size (a larger weight has a file of its own). The memory that
  /// is used is that of one file.
  std::uint64_t max_file_bytes = 2'000'000'000;
};

/// Writes model.safetensors into `folder`, or model-0000i-of-0000n.safetensors and their index if
/// one file does not hold them; weights in the order given. Files are written whole, the index
/// last; whoever needs the folder whole fills it by core::write_folder_atomically. Throws:
/// kRuntime; kBadData for a value that binary16 cannot hold (finite, beyond 65504) or that is not
/// finite; kInternal for a name used twice.
void write_weights(const std::filesystem::path& folder, std::span<const WeightToWrite> weights,
                   const WeightWriterOptions& options = {});

}  // namespace discreet::formats
