#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/core/json.h"
#include "discreet/formats/mapped_file.h"

namespace discreet::formats {

enum class DType { kF64, kF32, kF16, kBF16, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

/// "F32", as it stands in the file.
std::string_view dtype_name(DType dtype);
std::size_t dtype_bytes(DType dtype);

/// A tensor's bytes, row-major, little-endian; owned by somebody else. A foreign file may hold them
/// at any address: copy, or check the alignment.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::int64_t count() const;
};

/// `floats` as a view of F32.
TensorView view_of(std::span<const float> floats, std::vector<std::int64_t> shape);
/// The values of any dtype as float32: F16 and BF16 widened exactly, F64 and integers rounded.
/// `out` has count() elements (kInternal if not).
void copy_to_floats(const TensorView& tensor, std::span<float> out);

/// One safetensors file, mapped. Everything the header says is checked on opening, so that a view
/// can never lie outside the file: lengths, dtypes, products of shapes, offsets in order without
/// hole or overlap up to the file's end, names only once.
class SafetensorsFile {
 public:
  /// Throws: kRuntime; kBadData naming file, tensor, what was expected and found.
  explicit SafetensorsFile(const std::filesystem::path& path);
  /// Of bytes that somebody else holds and keeps; `origin` stands in errors.
  SafetensorsFile(const std::string& origin, std::span<const std::byte> bytes);

  const std::filesystem::path& path() const { return path_; }
  /// In the order in which they lie in the file.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return tensors_.count(name) > 0; }
  /// Valid as long as this object. Throws: kBadData naming the file and the nearest name.
  const TensorView& at(const std::string& name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  void read_header(std::span<const std::byte> bytes);
  TensorView read_entry(const std::string& name, const Json& entry,
                        std::span<const std::byte> data) const;
  void check_layout(std::span<const std::byte> data);

  std::filesystem::path path_;
  std::optional<MappedFile> file_;
  std::vector<std::string> names_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

/// The tensors of a model: a file, or a folder with model.safetensors or with
/// model.safetensors.index.json and its shards.
class SafetensorsModel {
 public:
  /// Throws: kRuntime; kBadData as above, and for an index that names a file outside the folder or
  /// a tensor that its shard lacks.
  explicit SafetensorsModel(const std::filesystem::path& path);

  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return shard_of_.count(name) > 0; }
  const TensorView& at(const std::string& name) const;

 private:
  void open_shards(const std::filesystem::path& index);
  std::filesystem::path path_;
  std::vector<SafetensorsFile> shards_;
  std::vector<std::string> names_;
  std::map<std::string, std::size_t> shard_of_;
};

struct NamedTensorView {
  std::string name;
  TensorView tensor;
};

/// Writes a file, whole or not at all, without a copy of the tensors: wide dtypes first, then by
/// name, data at multiples of 8 bytes, so that the same tensors give the same bytes. Throws:
/// kInternal for a name used twice or a view whose size is not its shape's; kRuntime.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensorView> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace discreet::formats
