#include "discreet/formats/tensorboard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>

#include "discreet/core/error.h"
#include "discreet/core/files.h"

// Event files are TFRecord frames around protocol buffers (tensorflow/core/util/event.proto and
// framework/summary.proto). Fields used: Event{1: wall_time double, 2: step int64, 3: file_version
// string, 5: Summary}; Summary{1: Value}; Value{1: tag string, 2: simple_value float}.

namespace discreet::formats {
namespace {
namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the frames are little-endian");

constexpr std::string_view kFileStem = "events.out.tfevents.";
constexpr std::string_view kFileVersion = "brain.Event:2";
enum class WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) ? (c >> 1) ^ 0x82F63B78u : c >> 1;
    table[i] = c;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

template <class T>
void put_fixed(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_key(std::string& out, std::uint32_t field, WireType type) {
  put_varint(out, field << 3 | static_cast<std::uint32_t>(type));
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_key(out, field, WireType::kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string event_header(double wall_time) {
  std::string event;
  put_key(event, 1, WireType::kFixed64);
  put_fixed(event, wall_time);
  return event;
}

std::string scalar_event(const ScalarEvent& scalar) {
  std::string value;
  put_bytes(value, 1, scalar.tag);
  put_key(value, 2, WireType::kFixed32);
  put_fixed(value, scalar.value);
  std::string summary;
  put_bytes(summary, 1, value);
  std::string event = event_header(scalar.wall_time);
  put_key(event, 2, WireType::kVarint);
  put_varint(event, static_cast<std::uint64_t>(scalar.step));
  put_bytes(event, 5, summary);
  return event;
}

std::string framed(const std::string& record) {
  std::string length;
  put_fixed(length, static_cast<std::uint64_t>(record.size()));
  std::string out = length;
  put_fixed(out, masked_crc32c(length));
  out += record;
  put_fixed(out, masked_crc32c(record));
  return out;
}

double now() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since_1970).count();
}

/// A protocol buffer read field by field. Malformed bytes make `ok` false and end it.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}

  bool next() {
    if (rest_.empty() || !ok) return false;
    const std::uint64_t key = varint();
    field = static_cast<std::uint32_t>(key >> 3);
    switch (static_cast<WireType>(key & 7)) {
      case WireType::kVarint:
        number = varint();
        break;
      case WireType::kFixed64:
        bytes = take(8);
        break;
      case WireType::kBytes:
        bytes = take(varint());
        break;
      case WireType::kFixed32:
        bytes = take(4);
        break;
      default:
        ok = false;
    }
    return ok;
  }

  template <class T>
  T fixed() {
    T value{};
    if (bytes.size() == sizeof(T)) {
      std::memcpy(&value, bytes.data(), sizeof(T));
    } else {
      ok = false;
    }
    return value;
  }

  std::uint32_t field = 0;
  std::uint64_t number = 0;
  std::string_view bytes;
  bool ok = true;

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    ok = false;
    return 0;
  }

  std::string_view take(std::uint64_t size) {
    if (size > rest_.size()) {
      ok = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

/// Appends the scalars of one Summary.Value. False if it is malformed.
bool read_value(std::string_view bytes, ScalarEvent event, std::vector<ScalarEvent>& out) {
  MessageReader value(bytes);
  bool is_scalar = false;
  while (value.next()) {
    if (value.field == 1) event.tag = value.bytes;
    if (value.field == 2) {
      event.value = value.fixed<float>();
      is_scalar = true;
    }
  }
  if (is_scalar) out.push_back(event);
  return value.ok;
}

bool read_event(std::string_view record, std::vector<ScalarEvent>& out) {
  ScalarEvent event;
  std::optional<std::string_view> summary;
  MessageReader message(record);
  while (message.next()) {
    if (message.field == 1) event.wall_time = message.fixed<double>();
    if (message.field == 2) event.step = static_cast<std::int64_t>(message.number);
    if (message.field == 5) summary = message.bytes;
  }
  if (!message.ok || !summary) return message.ok;
  MessageReader values(*summary);
  while (values.next()) {
    if (values.field == 1 && !read_value(values.bytes, event, out)) return false;
  }
  return values.ok;
}

template <class T>
T load(std::string_view bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t c = 0xFFFFFFFFu;
  for (const char byte : bytes)
    c = kCrcTable[(c ^ static_cast<unsigned char>(byte)) & 0xFF] ^ (c >> 8);
  return ~c;
}

std::uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u;
}

std::vector<std::pair<std::string, double>> scalars_of(const Json& metric) {
  const std::string split = metric.contains("split") && metric["split"].is_string()
                                ? metric["split"].get<std::string>() + "/"
                                : "";
  std::vector<std::pair<std::string, double>> scalars;
  for (const auto& [key, value] : metric.items()) {
    if (key == "step") continue;
    if (value.is_number() || value == "inf" || value == "-inf") {
      scalars.emplace_back(split + key, core::to_double(value));
    }
  }
  return scalars;
}

EventWriter::EventWriter(const fs::path& folder, const std::vector<Json>& history) {
  std::vector<fs::path> earlier;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().rfind(kFileStem, 0) == 0) earlier.push_back(entry.path());
  }
  const double start = now();
  // Resuming twice within a second must not write into a file that is to be removed.
  for (int attempt = 0; fd_ < 0; ++attempt) {
    file_ = folder / fmt::format("{}{:.0f}.{}.{}", kFileStem, start, ::getpid(), attempt);
    fd_ = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
    if (fd_ < 0 && errno != EEXIST) {
      throw runtime_failure(
          fmt::format("{}: cannot write: {}", file_.string(), std::strerror(errno)));
    }
  }
  std::string version = event_header(start);
  put_bytes(version, 3, kFileVersion);
  write(framed(version));
  for (const Json& metric : history) add(metric);
  for (const auto& old : earlier) fs::remove(old);
}

EventWriter::~EventWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void EventWriter::add(const ScalarEvent& event) { write(framed(scalar_event(event))); }

void EventWriter::add(const Json& metric) {
  const double time = now();
  for (const auto& [tag, value] : scalars_of(metric)) {
    add(ScalarEvent{time, metric.at("step").get<std::int64_t>(), tag, static_cast<float>(value)});
  }
}

void EventWriter::write(std::string_view bytes) {
  core::fault_point("write event");
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw runtime_failure(
          fmt::format("{}: cannot write: {}", file_.string(), std::strerror(errno)));
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

std::vector<ScalarEvent> read_events(const fs::path& file) {
  constexpr std::size_t kHead = 12, kTail = 4;
  const std::string text = core::read_file(file);
  std::vector<ScalarEvent> events;
  std::string_view rest = text;
  const auto fail = [&](const char* what) {
    return bad_data(
        fmt::format("{}: {} at byte {}", file.string(), what, text.size() - rest.size()));
  };
  while (rest.size() >= kHead) {
    if (masked_crc32c(rest.substr(0, 8)) != load<std::uint32_t>(rest.substr(8))) {
      throw fail("wrong checksum of a record's length");
    }
    const auto length = load<std::uint64_t>(rest);
    if (rest.size() - kHead < kTail || length > rest.size() - kHead - kTail) break;
    const std::string_view record = rest.substr(kHead, length);
    if (masked_crc32c(record) != load<std::uint32_t>(rest.substr(kHead + length))) {
      throw fail("wrong checksum of a record");
    }
    if (!read_event(record, events)) throw fail("malformed record");
    rest.remove_prefix(kHead + length + kTail);
  }
  return events;
}

}  // namespace discreet::formats
