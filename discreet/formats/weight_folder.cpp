#include "discreet/formats/weight_folder.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/formats/half.h"

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

constexpr std::array<const char*, 7> kOtherWeights = {
    "pytorch_model.bin", "pytorch_model.bin.index.json",
    "tf_model.h5",       "flax_model.msgpack",
    "model.ckpt.index",  "model.onnx",
    "adapter_model.bin"};

/// The path, if there are weights that can be read at all.
const fs::path& readable(const fs::path& path) {
  if (!fs::is_directory(path) || fs::exists(path / "model.safetensors") ||
      fs::exists(path / "model.safetensors.index.json")) {
    return path;
  }
  for (const char* name : kOtherWeights) {
    if (!fs::exists(path / name)) continue;
    throw bad_data(
        fmt::format("{}: the weights are in {}, which is not read", path.string(), name),
        "Convert them where they are trusted, since reading them can run code: in Python, "
        "transformers.AutoModel.from_pretrained(DIR).save_pretrained(OUT), with the class that "
        "config.json names under architectures, writes model.safetensors.");
  }
  return path;
}

std::uint64_t values_of(const std::vector<std::int64_t>& shape) {
  return static_cast<std::uint64_t>(
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()));
}

std::uint64_t bytes_of(const WeightToWrite& weight, DType dtype) {
  return values_of(weight.shape) * dtype_bytes(dtype);
}

/// Fills one weight, as `dtype`, into `out`.
void store(const WeightToWrite& weight, DType dtype, std::span<std::byte> out) {
  std::vector<float> values(values_of(weight.shape));
  weight.fill(values);
  const float limit = dtype == DType::kF16 ? 65504.0f : std::numeric_limits<float>::max();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(std::fabs(values[i]) <= limit)) {
      throw bad_data(fmt::format("weight '{}': value {} is {}, which {} cannot hold", weight.name,
                                 i, values[i], dtype_name(dtype)),
                     dtype == DType::kF16 ? "Write the weights in float32." : "");
    }
  }
  if (dtype == DType::kF32) {
    if (!values.empty()) std::memcpy(out.data(), values.data(), out.size());
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t narrow =
        dtype == DType::kF16 ? float_to_half(values[i]) : float_to_bfloat16(values[i]);
    std::memcpy(out.data() + 2 * i, &narrow, sizeof(narrow));
  }
}

void write_file_of(const fs::path& file, std::span<const WeightToWrite> weights, DType dtype) {
  std::uint64_t bytes = 0;
  for (const WeightToWrite& weight : weights) bytes += bytes_of(weight, dtype);
  std::vector<std::byte> data(bytes);
  std::vector<NamedTensorView> views;
  std::size_t at = 0;
  for (const WeightToWrite& weight : weights) {
    const auto part = std::span(data).subspan(at, bytes_of(weight, dtype));
    store(weight, dtype, part);
    views.push_back({weight.name, {dtype, weight.shape, part}});
    at += part.size();
  }
  // The entry without which transformers does not read a file.
  write_safetensors(file, views, {{"format", "pt"}});
}

}  // namespace

WeightFolder::WeightFolder(const fs::path& path) : path_(path), model_(readable(path)) {}

std::int64_t WeightFolder::count() const {
  std::int64_t count = 0;
  for (const std::string& name : names()) count += at(name).count();
  return count;
}

std::vector<float> WeightFolder::read_float(const std::string& name) const {
  const TensorView& view = at(name);
  std::vector<float> values(static_cast<std::size_t>(view.count()));
  copy_to_floats(view, values);
  return values;
}

void WeightFolder::read_float(const std::string& name, std::span<float> out) const {
  const TensorView& view = at(name);
  if (static_cast<std::size_t>(view.count()) != out.size()) {
    throw bad_data(fmt::format("{}: tensor '{}' has {} values, expected {}", path_.string(), name,
                               view.count(), out.size()));
  }
  copy_to_floats(view, out);
}

void write_weights(const fs::path& folder, std::span<const WeightToWrite> weights,
                   const WeightWriterOptions& options) {
  if (options.dtype != DType::kF32 && options.dtype != DType::kF16 &&
      options.dtype != DType::kBF16) {
    throw internal_error(fmt::format("write_weights: dtype {}", dtype_name(options.dtype)));
  }
  std::vector<std::span<const WeightToWrite>> files;
  std::uint64_t total = 0, bytes = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::uint64_t own = bytes_of(weights[i], options.dtype);
    if (i > begin && bytes + own > options.max_file_bytes) {
      files.push_back(weights.subspan(begin, i - begin));
      begin = i;
      bytes = 0;
    }
    bytes += own;
    total += own;
  }
  files.push_back(weights.subspan(begin));
  if (files.size() == 1) {
    write_file_of(folder / "model.safetensors", files[0], options.dtype);
    return;
  }
  Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", Json::object()}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, files.size());
    write_file_of(folder / name, files[i], options.dtype);
    for (const WeightToWrite& weight : files[i]) {
      if (index["weight_map"].contains(weight.name)) {
        throw internal_error(fmt::format("write_weights: '{}' stands twice", weight.name));
      }
      index["weight_map"][weight.name] = name;
    }
  }
  core::write_file_atomically(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace discreet::formats
