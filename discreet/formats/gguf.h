#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "discreet/formats/mapped_file.h"

namespace discreet::formats {

/// How a tensor of a GGUF file is stored; the numbers are those of the files. Types that are not
/// here are refused by name.
enum class GgmlType : std::uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kBF16 = 30,
};
/// "Q4_1".
std::string_view ggml_type_name(GgmlType type);

/// A value of the metadata. Integers of all widths are one type (a uint64 above 2^63 - 1 is
/// refused), and so are both floats. Arrays hold values of one kind.
struct GgufValue {
  using Strings = std::vector<std::string>;
  using Integers = std::vector<std::int64_t>;
  using Doubles = std::vector<double>;
  std::variant<bool, std::int64_t, double, std::string, Strings, Integers, Doubles> value;
};

/// A tensor as it lies in the file. `shape` is row-major, as everywhere else here: the reverse of
/// the order in the file, whose first size is that of the innermost dimension.
struct GgufTensor {
  GgmlType type = GgmlType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::int64_t count() const;
};

/// One GGUF file of version 2 or 3, mapped. All of its header is checked on opening: counts against
/// the bytes that are there before memory is taken for them, names only once, types, products of
/// sizes, offsets in order at their alignment, without hole or overlap, up to the file's end.
///
/// Ref: the GGUF specification in ggml's docs/gguf.md.
class GgufFile {
 public:
  /// Throws: kRuntime; kBadData naming the file, what was expected and found.
  explicit GgufFile(const std::filesystem::path& path);
  /// Of bytes that somebody else holds and keeps; `origin` stands in errors.
  GgufFile(const std::string& origin, std::span<const std::byte> bytes);

  const std::filesystem::path& path() const { return path_; }
  std::uint32_t version() const { return version_; }
  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }

  bool has(const std::string& key) const { return metadata_.count(key) > 0; }
  /// The value of a key; nullopt if it is absent. Throws: kBadData if it has another kind. An
  /// integer is a double, too.
  std::optional<std::string> text(const std::string& key) const;
  std::optional<std::int64_t> integer(const std::string& key) const;
  std::optional<double> real(const std::string& key) const;
  std::optional<bool> boolean(const std::string& key) const;
  /// nullptr if it is absent.
  const GgufValue::Strings* texts(const std::string& key) const;
  const GgufValue::Integers* integers(const std::string& key) const;
  const GgufValue::Doubles* reals(const std::string& key) const;

  /// In the order in which they lie in the file.
  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return tensors_.count(name) > 0; }
  /// Throws: kBadData naming the file and the nearest name.
  const GgufTensor& at(const std::string& name) const;

 private:
  template <class T>
  std::optional<T> get(const std::string& key, const char* kind) const;
  template <class T>
  const T* list(const std::string& key, const char* kind) const;
  void read(std::span<const std::byte> bytes);
  void check_layout(std::span<const std::byte> data, std::size_t alignment);

  std::filesystem::path path_;
  std::optional<MappedFile> file_;
  std::uint32_t version_ = 0;
  std::map<std::string, GgufValue> metadata_;
  std::vector<std::string> names_;
  std::map<std::string, GgufTensor> tensors_;
};

/// The values as float32, each as ggml computes it (products and sums rounded one by one). `out`
/// has count() elements (kInternal if not).
void dequantize(const GgufTensor& tensor, std::span<float> out);

}  // namespace discreet::formats
