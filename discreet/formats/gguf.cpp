#include "discreet/formats/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/json.h"
#include "discreet/formats/internal/ggml_blocks.h"

// The format, little-endian: "GGUF", uint32 version, uint64 number of tensors, uint64 number of
// keys; for each key its name, a uint32 kind, the value; for each tensor its name, uint32 number of
// dimensions, uint64 sizes (innermost first), uint32 type, uint64 offset; then, from the next
// multiple of general.alignment (32) on, the data. A text is a uint64 length and its bytes; an
// array a uint32 kind, a uint64 length and its values.

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kMagicBytes = 4, kDefaultGgufAlignment = 32, kMaxGgufAlignment = 1 << 20;
constexpr std::uint32_t kMaxDimensions = 4;
// Vocabularies have some 300,000 tokens and as many merges; models some thousands of tensors.
constexpr std::uint64_t kMaxKeys = 1 << 16, kMaxTensors = 1 << 20, kMaxElements = 1 << 22;
constexpr std::uint64_t kMaxNameBytes = 1 << 16;
// A tensor's entry has at least: length of its name, dimensions, one size, type, offset.
constexpr std::size_t kLeastEntryBytes = 8 + 4 + 8 + 4 + 8, kLeastKeyBytes = 8 + 4 + 1;

/// Kinds of values, by the numbers of the files.
enum Kind : std::uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool8,
  kText,
  kArray,
  kUint64,
  kInt64,
  kFloat64,
  kKinds
};
constexpr std::array<std::size_t, kKinds> kLeastBytes = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

Error broken(const fs::path& path, std::size_t at, const std::string& what) {
  return bad_data(fmt::format("{}: byte {}: {}", path.string(), at, what),
                  "The file is damaged or not a GGUF file.");
}

std::string quoted_name(const std::string& text) {
  return Json(text.substr(0, 80)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// Reads the header's values one by one; what is not there is refused before it is taken.
class GgufCursor {
 public:
  GgufCursor(const fs::path& path, std::span<const std::byte> bytes) : path_(path), bytes_(bytes) {}

  std::size_t at() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  Error fail(const std::string& what) const { return broken(path_, at_, what); }

  template <class T>
  T take(const char* what) {
    if (left() < sizeof(T)) throw fail(fmt::format("the file ends within {}", what));
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::string text(const char* what, std::uint64_t max_bytes) {
    const auto length = take<std::uint64_t>(what);
    if (length > left() || length > max_bytes) {
      throw fail(fmt::format("{} claims {} bytes; {} are there, at most {} may be", what, length,
                             left(), max_bytes));
    }
    std::string value(reinterpret_cast<const char*>(bytes_.data()) + at_, length);
    at_ += length;
    return value;
  }

  /// A count of things that take at least `least_bytes` each.
  std::uint64_t count(const char* what, std::size_t least_bytes, std::uint64_t max) {
    const auto claimed = take<std::uint64_t>(what);
    if (claimed > max || claimed > left() / least_bytes) {
      throw fail(fmt::format("{}: {} are claimed; the file has {} more bytes, and the limit is {}",
                             what, claimed, left(), max));
    }
    return claimed;
  }

  std::int64_t integer(std::uint32_t kind) {
    switch (kind) {
      case kUint8:
        return take<std::uint8_t>("a value");
      case kInt8:
        return take<std::int8_t>("a value");
      case kUint16:
        return take<std::uint16_t>("a value");
      case kInt16:
        return take<std::int16_t>("a value");
      case kUint32:
        return take<std::uint32_t>("a value");
      case kInt32:
        return take<std::int32_t>("a value");
      case kInt64:
        return take<std::int64_t>("a value");
      default: {
        const auto value = take<std::uint64_t>("a value");
        if (value > INT64_MAX) throw fail(fmt::format("the integer {} is too large", value));
        return static_cast<std::int64_t>(value);
      }
    }
  }

  double real(std::uint32_t kind) {
    return kind == kFloat32 ? take<float>("a value") : take<double>("a value");
  }

  bool boolean() {
    const auto value = take<std::uint8_t>("a value");
    if (value > 1) throw fail(fmt::format("a bool is {}, expected 0 or 1", value));
    return value == 1;
  }

 private:
  const fs::path& path_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

std::uint32_t kind_of(GgufCursor& cursor) {
  const auto kind = cursor.take<std::uint32_t>("a kind of value");
  if (kind >= kKinds) throw cursor.fail(fmt::format("unknown kind of value {}", kind));
  return kind;
}

GgufValue read_array(GgufCursor& cursor, std::uint64_t& elements) {
  const std::uint32_t kind = kind_of(cursor);
  if (kind == kArray) throw cursor.fail("arrays of arrays are not read");
  const std::uint64_t size = cursor.count("array", kLeastBytes[kind], kMaxElements - elements);
  elements += size;
  if (kind == kText) {
    GgufValue::Strings texts(size);
    for (auto& text : texts) text = cursor.text("text", UINT64_MAX);
    return {std::move(texts)};
  }
  if (kind == kFloat32 || kind == kFloat64) {
    GgufValue::Doubles values(size);
    for (double& value : values) value = cursor.real(kind);
    return {std::move(values)};
  }
  GgufValue::Integers values(size);
  for (auto& value : values) value = kind == kBool8 ? cursor.boolean() : cursor.integer(kind);
  return {std::move(values)};
}

GgufValue read_value(GgufCursor& cursor, std::uint64_t& elements) {
  const std::uint32_t kind = kind_of(cursor);
  switch (kind) {
    case kFloat32:
    case kFloat64:
      return {cursor.real(kind)};
    case kBool8:
      return {cursor.boolean()};
    case kText:
      return {cursor.text("text", UINT64_MAX)};
    case kArray:
      return read_array(cursor, elements);
    default:
      return {cursor.integer(kind)};
  }
}

struct TensorEntry {
  std::string name;
  GgufTensor tensor;
  std::uint64_t offset = 0, bytes = 0;
};

TensorEntry read_tensor_entry(GgufCursor& cursor) {
  TensorEntry entry;
  entry.name = cursor.text("tensor name", kMaxNameBytes);
  const auto fail = [&](const std::string& what) {
    return cursor.fail(fmt::format("tensor {}: {}", quoted_name(entry.name), what));
  };
  const auto dimensions = cursor.take<std::uint32_t>("dimensions");
  if (dimensions > kMaxDimensions) throw fail(fmt::format("{} dimensions", dimensions));
  std::uint64_t count = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto size = cursor.take<std::uint64_t>("size");
    if (size > INT64_MAX || __builtin_mul_overflow(count, size, &count) || count > INT64_MAX / 8) {
      throw fail("its size overflows");
    }
    entry.tensor.shape.insert(entry.tensor.shape.begin(), static_cast<std::int64_t>(size));
  }
  const auto type = cursor.take<std::uint32_t>("type");
  const internal::GgmlLayout* layout = internal::find_ggml_layout(type);
  if (layout == nullptr) {
    throw fail(fmt::format("the type {} is not supported", internal::ggml_type_text(type)));
  }
  entry.tensor.type = static_cast<GgmlType>(type);
  entry.offset = cursor.take<std::uint64_t>("offset");
  const auto inner =
      entry.tensor.shape.empty() ? 1 : static_cast<std::uint64_t>(entry.tensor.shape.back());
  if (inner % layout->block_values != 0) {
    throw fail(fmt::format("rows of {} values are no multiple of {}'s blocks of {}", inner,
                           layout->name, layout->block_values));
  }
  entry.bytes = count / layout->block_values * layout->block_bytes;
  return entry;
}

}  // namespace

std::string_view ggml_type_name(GgmlType type) {
  return internal::find_ggml_layout(static_cast<std::uint32_t>(type))->name;
}

std::int64_t GgufTensor::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

GgufFile::GgufFile(const fs::path& path) : path_(path), file_(path) { read(file_->bytes()); }

GgufFile::GgufFile(const std::string& origin, std::span<const std::byte> bytes) : path_(origin) {
  read(bytes);
}

void GgufFile::read(std::span<const std::byte> bytes) {
  static_assert(std::endian::native == std::endian::little, "the format is little-endian");
  if (bytes.size() < kMagicBytes || std::memcmp(bytes.data(), "GGUF", kMagicBytes) != 0) {
    throw broken(path_, 0, "does not begin with \"GGUF\"");
  }
  GgufCursor cursor(path_, bytes);
  cursor.take<std::uint32_t>("magic");
  version_ = cursor.take<std::uint32_t>("version");
  if (version_ != 2 && version_ != 3) {
    const bool swapped = __builtin_bswap32(version_) <= 3;
    throw broken(path_, kMagicBytes,
                 swapped ? "the file is big-endian, which is not read"
                         : fmt::format("version {}, expected 2 or 3", version_));
  }
  const auto tensors = cursor.count("tensors", kLeastEntryBytes - 8, kMaxTensors);
  const auto keys = cursor.count("keys", kLeastKeyBytes, kMaxKeys);
  std::uint64_t elements = 0;
  for (std::uint64_t i = 0; i < keys; ++i) {
    std::string key = cursor.text("key", kMaxNameBytes);
    GgufValue value = read_value(cursor, elements);
    if (!metadata_.emplace(key, std::move(value)).second) {
      throw cursor.fail(fmt::format("the key {} stands twice", quoted_name(key)));
    }
  }
  std::vector<TensorEntry> entries;
  for (std::uint64_t i = 0; i < tensors; ++i) entries.push_back(read_tensor_entry(cursor));
  const std::int64_t alignment = integer("general.alignment").value_or(kDefaultGgufAlignment);
  if (alignment < 1 || alignment > static_cast<std::int64_t>(kMaxGgufAlignment) ||
      !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    throw cursor.fail(fmt::format("general.alignment = {}, expected a power of two", alignment));
  }
  const auto step = static_cast<std::size_t>(alignment);
  const std::size_t begin = (cursor.at() + step - 1) / step * step;
  if (begin > bytes.size() && tensors > 0) throw cursor.fail("the file ends before the data");
  const auto data = bytes.subspan(std::min(begin, bytes.size()));
  for (TensorEntry& entry : entries) {
    if (entry.offset > data.size() || entry.bytes > data.size() - entry.offset) {
      throw cursor.fail(fmt::format("tensor {}: {} bytes at data byte {}; the data have {}",
                                    quoted_name(entry.name), entry.bytes, entry.offset,
                                    data.size()));
    }
    entry.tensor.bytes = data.subspan(entry.offset, entry.bytes);
    if (!tensors_.emplace(entry.name, entry.tensor).second) {
      throw cursor.fail(fmt::format("the tensor {} stands twice", quoted_name(entry.name)));
    }
    names_.push_back(std::move(entry.name));
  }
  check_layout(data, step);
}

void GgufFile::check_layout(std::span<const std::byte> data, std::size_t alignment) {
  const auto begin_of = [&](const std::string& name) {
    return static_cast<std::size_t>(tensors_.at(name).bytes.data() - data.data());
  };
  std::stable_sort(names_.begin(), names_.end(), [&](const std::string& a, const std::string& b) {
    return std::pair(begin_of(a), tensors_.at(a).bytes.size()) <
           std::pair(begin_of(b), tensors_.at(b).bytes.size());
  });
  std::size_t next = 0, end = 0;
  for (const std::string& name : names_) {
    if (begin_of(name) != next) {
      throw broken(path_, begin_of(name),
                   fmt::format("tensor {} begins at data byte {}, expected {}: {}",
                               quoted_name(name), begin_of(name), next,
                               begin_of(name) < next ? "it overlaps another" : "a hole"));
    }
    end = next + tensors_.at(name).bytes.size();
    next = (end + alignment - 1) / alignment * alignment;
  }
  if (data.size() > next) {
    throw broken(path_, 0,
                 fmt::format("{} bytes behind the last tensor belong to none", data.size() - end));
  }
}

template <class T>
std::optional<T> GgufFile::get(const std::string& key, const char* kind) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) return std::nullopt;
  if (const T* value = std::get_if<T>(&found->second.value)) return *value;
  throw bad_data(fmt::format("{}: the key {} is no {}", path_.string(), key, kind));
}

template <class T>
const T* GgufFile::list(const std::string& key, const char* kind) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) return nullptr;
  if (const T* value = std::get_if<T>(&found->second.value)) return value;
  throw bad_data(fmt::format("{}: the key {} is no {}", path_.string(), key, kind));
}

std::optional<std::string> GgufFile::text(const std::string& key) const {
  return get<std::string>(key, "text");
}
std::optional<std::int64_t> GgufFile::integer(const std::string& key) const {
  return get<std::int64_t>(key, "integer");
}
std::optional<bool> GgufFile::boolean(const std::string& key) const {
  return get<bool>(key, "bool");
}
std::optional<double> GgufFile::real(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found != metadata_.end() && std::holds_alternative<std::int64_t>(found->second.value)) {
    return static_cast<double>(std::get<std::int64_t>(found->second.value));
  }
  return get<double>(key, "number");
}
const GgufValue::Strings* GgufFile::texts(const std::string& key) const {
  return list<GgufValue::Strings>(key, "array of texts");
}
const GgufValue::Integers* GgufFile::integers(const std::string& key) const {
  return list<GgufValue::Integers>(key, "array of integers");
}
const GgufValue::Doubles* GgufFile::reals(const std::string& key) const {
  return list<GgufValue::Doubles>(key, "array of numbers");
}

const GgufTensor& GgufFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  const auto near = core::nearest(name, names_);
  throw bad_data(fmt::format("{}: no tensor is called '{}'", path_.string(), name),
                 near ? fmt::format("The nearest name is '{}'.", *near) : "");
}

void dequantize(const GgufTensor& tensor, std::span<float> out) {
  if (static_cast<std::int64_t>(out.size()) != tensor.count()) {
    throw internal_error(fmt::format("dequantize: {} values into {}", tensor.count(), out.size()));
  }
  const internal::GgmlLayout* layout =
      internal::find_ggml_layout(static_cast<std::uint32_t>(tensor.type));
  const std::byte* in = tensor.bytes.data();
  for (std::size_t i = 0; i < out.size(); i += layout->block_values, in += layout->block_bytes) {
    layout->widen(in, out.data() + i);
  }
}

}  // namespace discreet::formats
