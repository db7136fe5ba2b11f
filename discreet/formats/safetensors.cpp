#include "discreet/formats/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <numeric>
#include <set>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/files.h"
#include "discreet/formats/half.h"

// The format: 8 bytes little-endian length N of the header, N bytes of JSON
// {"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {text: text}}, then
// data.

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 8;
// The limit of the reference implementation.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
// 100,000 names of tensors.
constexpr std::uintmax_t kMaxIndexBytes = 8 << 20;
constexpr const char* kMetadataKey = "__metadata__";

struct DTypeInfo {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<DTypeInfo, 13> kDTypes = {{{DType::kF64, "F64", 8},
                                                {DType::kF32, "F32", 4},
                                                {DType::kF16, "F16", 2},
                                                {DType::kBF16, "BF16", 2},
                                                {DType::kI64, "I64", 8},
                                                {DType::kI32, "I32", 4},
                                                {DType::kI16, "I16", 2},
                                                {DType::kI8, "I8", 1},
                                                {DType::kU64, "U64", 8},
                                                {DType::kU32, "U32", 4},
                                                {DType::kU16, "U16", 2},
                                                {DType::kU8, "U8", 1},
                                                {DType::kBool, "BOOL", 1}}};

const DTypeInfo& info_of(DType dtype) { return kDTypes.at(static_cast<std::size_t>(dtype)); }

/// Text of a hostile file as it may stand in an error.
std::string printable(const std::string& text) {
  return Json(text.substr(0, 80)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string shown(const Json& value) {
  return value.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80);
}

Error malformed(const fs::path& path, const std::string& what) {
  return bad_data(fmt::format("{}: {}", path.string(), what),
                  "The file is damaged or not a safetensors file.");
}

/// In it a key is found by search: a header may have a million of them.
using SortedJson = nlohmann::json;

/// Looks for keys that stand twice in one object, and for nesting that no header has, while the
/// text is read once (the library's own callbacks look through a parent at the end of each child).
class KeyWatch : public nlohmann::json_sax<SortedJson> {
 public:
  KeyWatch(const std::string& what, const fs::path& path) : what_(what), path_(path) {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (!seen_.back().insert(name).second) {
      throw malformed(path_, fmt::format("{} names {} twice", what_, printable(name)));
    }
    return true;
  }
  /// Reported by the parser that follows.
  bool parse_error(std::size_t, const std::string&, const SortedJson::exception&) override {
    return false;
  }

 private:
  bool enter() {
    constexpr std::size_t kMaxDepth = 8;
    if (seen_.size() >= kMaxDepth) {
      throw malformed(path_, fmt::format("{} is nested too deeply", what_));
    }
    seen_.emplace_back();
    return true;
  }
  bool leave() {
    seen_.pop_back();
    return true;
  }

  const std::string& what_;
  const fs::path& path_;
  std::vector<std::set<std::string>> seen_;
};

/// Parses a JSON object that starts at byte `offset` of its file.
SortedJson parse_unique(std::string_view text, std::size_t offset, const std::string& what,
                        const fs::path& path) {
  KeyWatch watch(what, path);
  SortedJson::sax_parse(text, &watch);
  try {
    SortedJson object = SortedJson::parse(text);
    if (!object.is_object()) throw malformed(path, fmt::format("{} is not a JSON object", what));
    return object;
  } catch (const SortedJson::parse_error& e) {
    throw malformed(path, fmt::format("{} is not valid JSON at byte {}", what, offset + e.byte));
  } catch (const SortedJson::exception& e) {
    throw malformed(path, fmt::format("{} cannot be read: {}", what, e.what()));
  }
}

/// A JSON array of non-negative integers. False if it is anything else.
bool read_sizes(const Json& json, std::vector<std::int64_t>& sizes) {
  if (!json.is_array()) return false;
  for (const Json& item : json) {
    if (!item.is_number_integer() ||
        (item.is_number_unsigned() && item.get<std::uint64_t>() > INT64_MAX)) {
      return false;
    }
    sizes.push_back(item.get<std::int64_t>());
    if (sizes.back() < 0) return false;
  }
  return true;
}

/// The bytes of a tensor; nullopt-like false on overflow.
bool size_in_bytes(const std::vector<std::int64_t>& shape, DType dtype, std::uint64_t& bytes) {
  bytes = dtype_bytes(dtype);
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes)) return false;
  }
  return true;
}

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class T, class Convert>
void convert(const TensorView& tensor, std::span<float> out, Convert to_float) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = to_float(load<T>(tensor.bytes.data() + i * sizeof(T)));
  }
}

template <class T>
void convert(const TensorView& tensor, std::span<float> out) {
  convert<T>(tensor, out, [](T value) { return static_cast<float>(value); });
}

}  // namespace

std::string_view dtype_name(DType dtype) { return info_of(dtype).name; }
std::size_t dtype_bytes(DType dtype) { return info_of(dtype).bytes; }

std::int64_t TensorView::count() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

TensorView view_of(std::span<const float> floats, std::vector<std::int64_t> shape) {
  return {DType::kF32, std::move(shape), std::as_bytes(floats)};
}

void copy_to_floats(const TensorView& tensor, std::span<float> out) {
  if (static_cast<std::int64_t>(out.size()) != tensor.count()) {
    throw internal_error(
        fmt::format("copy_to_floats: {} values into {}", tensor.count(), out.size()));
  }
  switch (tensor.dtype) {
    case DType::kF64:
      return convert<double>(tensor, out);
    case DType::kF32:
      if (!out.empty()) std::memcpy(out.data(), tensor.bytes.data(), out.size_bytes());
      return;
    case DType::kF16:
      return convert<std::uint16_t>(tensor, out, half_to_float);
    case DType::kBF16:
      return convert<std::uint16_t>(tensor, out, bfloat16_to_float);
    case DType::kI64:
      return convert<std::int64_t>(tensor, out);
    case DType::kI32:
      return convert<std::int32_t>(tensor, out);
    case DType::kI16:
      return convert<std::int16_t>(tensor, out);
    case DType::kI8:
      return convert<std::int8_t>(tensor, out);
    case DType::kU64:
      return convert<std::uint64_t>(tensor, out);
    case DType::kU32:
      return convert<std::uint32_t>(tensor, out);
    case DType::kU16:
      return convert<std::uint16_t>(tensor, out);
    case DType::kU8:
      return convert<std::uint8_t>(tensor, out);
    case DType::kBool:
      return convert<std::uint8_t>(tensor, out,
                                   [](std::uint8_t v) { return v != 0 ? 1.0f : 0.0f; });
  }
}

SafetensorsFile::SafetensorsFile(const fs::path& path) : path_(path), file_(path) {
  read_header(file_->bytes());
}

SafetensorsFile::SafetensorsFile(const std::string& origin, std::span<const std::byte> bytes)
    : path_(origin) {
  read_header(bytes);
}

void SafetensorsFile::read_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kLengthBytes) {
    throw malformed(path_,
                    fmt::format("expected at least {} bytes, got {}", kLengthBytes, bytes.size()));
  }
  const auto length = load<std::uint64_t>(bytes.data());
  if (length > kMaxHeaderBytes || length > bytes.size() - kLengthBytes) {
    throw malformed(path_,
                    fmt::format("the header says it has {} bytes; the file has {} behind it, and "
                                "the limit is {}",
                                length, bytes.size() - kLengthBytes, kMaxHeaderBytes));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  const auto data = bytes.subspan(kLengthBytes + length);
  const SortedJson header = parse_unique(text, kLengthBytes, "the header", path_);
  for (const auto& [name, entry] : header.items()) {
    if (name != kMetadataKey) {
      tensors_.emplace(name, read_entry(name, Json(entry), data));
      names_.push_back(name);
      continue;
    }
    if (!entry.is_object()) throw malformed(path_, "__metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) throw malformed(path_, "__metadata__ holds something else than text");
      metadata_[key] = value.get<std::string>();
    }
  }
  check_layout(data);
}

TensorView SafetensorsFile::read_entry(const std::string& name, const Json& entry,
                                       std::span<const std::byte> data) const {
  const auto fail = [&](const std::string& what) {
    return malformed(path_, fmt::format("tensor {}: {}", printable(name), what));
  };
  if (!entry.is_object()) throw fail(fmt::format("expected an object, got {}", shown(entry)));
  for (const char* key : {"dtype", "shape", "data_offsets"}) {
    if (!entry.contains(key)) throw fail(fmt::format("has no \"{}\"", key));
  }
  const auto info = std::find_if(kDTypes.begin(), kDTypes.end(),
                                 [&](const DTypeInfo& i) { return entry["dtype"] == i.name; });
  if (info == kDTypes.end()) throw fail(fmt::format("unknown dtype {}", shown(entry["dtype"])));
  TensorView view{info->dtype, {}, {}};
  std::vector<std::int64_t> offsets;
  if (!read_sizes(entry["shape"], view.shape)) {
    throw fail(fmt::format("\"shape\" is no list of sizes: {}", shown(entry["shape"])));
  }
  if (!read_sizes(entry["data_offsets"], offsets) || offsets.size() != 2) {
    throw fail(
        fmt::format("\"data_offsets\" is no pair of offsets: {}", shown(entry["data_offsets"])));
  }
  const auto begin = static_cast<std::uint64_t>(offsets[0]),
             end = static_cast<std::uint64_t>(offsets[1]);
  if (begin > end || end > data.size()) {
    throw fail(
        fmt::format("bytes {} to {} lie outside the data of {} bytes", begin, end, data.size()));
  }
  std::uint64_t expected = 0;
  if (!size_in_bytes(view.shape, view.dtype, expected) || expected != end - begin) {
    throw fail(fmt::format("{} of shape {} does not have {} bytes", info->name,
                           shown(entry["shape"]), end - begin));
  }
  view.bytes = data.subspan(begin, end - begin);
  return view;
}

void SafetensorsFile::check_layout(std::span<const std::byte> data) {
  const auto begin_of = [&](const std::string& name) { return tensors_.at(name).bytes.data(); };
  std::stable_sort(names_.begin(), names_.end(), [&](const std::string& a, const std::string& b) {
    const TensorView &x = tensors_.at(a), &y = tensors_.at(b);
    return std::pair(x.bytes.data(), x.bytes.size()) < std::pair(y.bytes.data(), y.bytes.size());
  });
  // Bytes that no tensor owns could hide anything; the reference implementation refuses them too.
  const std::byte* next = data.data();
  for (const auto& name : names_) {
    if (begin_of(name) != next) {
      throw malformed(
          path_, fmt::format("tensor {} begins at data byte {}, expected {}: {}", printable(name),
                             begin_of(name) - data.data(), next - data.data(),
                             begin_of(name) < next ? "it overlaps another" : "a hole"));
    }
    next += tensors_.at(name).bytes.size();
  }
  if (next != data.data() + data.size()) {
    throw malformed(path_, fmt::format("{} bytes behind the last tensor belong to none",
                                       data.data() + data.size() - next));
  }
}

const TensorView& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  const auto near = core::nearest(name, names_);
  throw bad_data(fmt::format("{}: no tensor is called '{}'", path_.string(), name),
                 near ? fmt::format("The nearest name is '{}'.", *near) : "");
}

SafetensorsModel::SafetensorsModel(const fs::path& path) : path_(path) {
  const fs::path single = path / "model.safetensors", index = path / "model.safetensors.index.json";
  if (!fs::is_directory(path)) {
    shards_.emplace_back(path);
  } else if (fs::exists(single)) {
    shards_.emplace_back(single);
  } else if (fs::exists(index)) {
    open_shards(index);
    return;
  } else {
    throw bad_data(fmt::format("{}: has neither {} nor {}", path.string(),
                               single.filename().string(), index.filename().string()),
                   "Weights in another format must be converted to safetensors first.");
  }
  names_ = shards_[0].names();
  for (const auto& name : names_) shard_of_[name] = 0;
}

void SafetensorsModel::open_shards(const fs::path& index) {
  std::error_code error;
  if (const auto bytes = fs::file_size(index, error); !error && bytes > kMaxIndexBytes) {
    throw bad_data(
        fmt::format("{}: has {} bytes, the limit is {}", index.string(), bytes, kMaxIndexBytes));
  }
  const SortedJson json = parse_unique(core::read_file(index), 0, "the index", index);
  if (!json.contains("weight_map") || !json["weight_map"].is_object()) {
    throw bad_data(fmt::format("{}: has no \"weight_map\"", index.string()));
  }
  std::map<std::string, std::size_t> opened;
  for (const auto& [name, file] : json["weight_map"].items()) {
    const std::string file_name = file.is_string() ? file.get<std::string>() : "";
    // An index from elsewhere must not make us read files from elsewhere.
    if (file_name.empty() || file_name == "." || file_name == ".." ||
        file_name.find('/') != std::string::npos || file_name.find('\0') != std::string::npos) {
      throw bad_data(fmt::format("{}: tensor {} lies in {}, which is no file of this folder",
                                 index.string(), printable(name), shown(Json(file))));
    }
    const auto [shard, is_new] = opened.emplace(file_name, shards_.size());
    if (is_new && !fs::exists(path_ / file_name)) {
      throw bad_data(fmt::format("{}: there is no such file, which {} names", (path_ / file_name).string(), index.string()),
                     "The folder is not whole: fetch the missing file, or write the model again.");
    }
    if (is_new) shards_.emplace_back(path_ / file_name);
    if (!shards_[shard->second].contains(name)) {
      throw bad_data(fmt::format("{}: has no tensor {}, which {} looks for there",
                                 (path_ / file_name).string(), printable(name), index.string()));
    }
    names_.push_back(name);
    shard_of_[name] = shard->second;
  }
  for (const auto& [file_name, shard] : opened) {
    for (const std::string& name : shards_[shard].names()) {
      const auto known = shard_of_.find(name);
      if (known != shard_of_.end() && known->second == shard) continue;
      throw bad_data(
          fmt::format("{}: has a tensor {}, which {} {}", (path_ / file_name).string(),
                      printable(name), index.string(),
                      known == shard_of_.end() ? "does not name" : "looks for in another file"));
    }
  }
}

const TensorView& SafetensorsModel::at(const std::string& name) const {
  const auto found = shard_of_.find(name);
  if (found != shard_of_.end()) return shards_[found->second].at(name);
  const auto near = core::nearest(name, names_);
  throw bad_data(fmt::format("{}: no tensor is called '{}'", path_.string(), name),
                 near ? fmt::format("The nearest name is '{}'.", *near) : "");
}

void write_safetensors(const fs::path& path, std::span<const NamedTensorView> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensorView*> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  // Falling widths keep every tensor aligned without holes.
  std::sort(order.begin(), order.end(), [](const NamedTensorView* a, const NamedTensorView* b) {
    const auto width_a = dtype_bytes(a->tensor.dtype), width_b = dtype_bytes(b->tensor.dtype);
    return width_a != width_b ? width_a > width_b : a->name < b->name;
  });
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  std::uint64_t offset = 0;
  for (const NamedTensorView* named : order) {
    const TensorView& view = named->tensor;
    std::uint64_t bytes = 0;
    if (named->name == kMetadataKey || header.contains(named->name)) {
      throw internal_error(fmt::format("{}: tensor '{}' stands twice", path.string(), named->name));
    }
    if (!size_in_bytes(view.shape, view.dtype, bytes) || bytes != view.bytes.size()) {
      throw internal_error(fmt::format("{}: tensor '{}' has {} bytes, its shape {}", path.string(),
                                       named->name, view.bytes.size(), bytes));
    }
    header[named->name] = {{"dtype", std::string(dtype_name(view.dtype))},
                           {"shape", view.shape},
                           {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const std::uint64_t length = text.size();
  const std::string length_bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  std::vector<std::string_view> parts = {length_bytes, text};
  for (const NamedTensorView* named : order) {
    const auto bytes = named->tensor.bytes;
    parts.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  core::write_file_atomically(path, std::span<const std::string_view>(parts));
}

}  // namespace discreet::formats
