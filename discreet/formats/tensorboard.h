#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "discreet/core/json.h"

namespace discreet::formats {

/// CRC-32C (Castagnoli), as TFRecord frames carry it, masked.
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t masked_crc32c(std::string_view bytes);

/// One scalar of an event file.
struct ScalarEvent {
  double wall_time = 0;  ///< Seconds since 1970.
  std::int64_t step = 0;
  std::string tag;
  float value = 0;

  bool operator==(const ScalarEvent&) const = default;
};

/// The scalars of a line of metrics.jsonl: each number but "step" under "<split>/<key>"
/// ("train/loss"). "inf" is infinity; text and lists are left out.
std::vector<std::pair<std::string, double>> scalars_of(const Json& metric);

/// Writes what TensorBoard reads: events.out.tfevents.<seconds>.<process> in a folder.
///
/// A run's source of truth is metrics.jsonl; this says the same. After a resume, `history` (the
/// lines kept) is written first into a new file and the folder's earlier event files are removed.
class EventWriter {
 public:
  /// Throws: kRuntime naming the file and the system's reason.
  explicit EventWriter(const std::filesystem::path& folder, const std::vector<Json>& history = {});
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  void add(const ScalarEvent& event);
  /// A line of metrics.jsonl, now.
  void add(const Json& metric);
  const std::filesystem::path& file() const { return file_; }

 private:
  void write(std::string_view bytes);
  std::filesystem::path file_;
  int fd_ = -1;
};

/// The scalars of an event file; a record cut off at the end (a file being written) ends the list.
/// Throws: kBadData naming file and byte for a wrong checksum or a malformed record.
std::vector<ScalarEvent> read_events(const std::filesystem::path& file);

}  // namespace discreet::formats
