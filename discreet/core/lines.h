#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace discreet::core {

/// The lines of a text file, plain or gzip (told by its first bytes, not by its name), one at a
/// time.
///
///   LineReader lines(path);
///   for (std::string line; lines.next(line);) … lines.where() is "path:7"
///
/// "\n" and "\r\n" end a line and are not part of it; the last line needs no end. A UTF-8 byte
/// order mark before the first line is dropped. Memory: one line and a block, whatever the file's
/// size.
class LineReader {
 public:
  /// Throws: kRuntime naming the file and the system's reason.
  explicit LineReader(std::filesystem::path path, std::size_t max_line_bytes = 64u << 20);
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  /// The next line into `line`, or false at the end.
  /// Throws: kBadData for a damaged or cut-off gzip file, and for a line over `max_line_bytes` (a
  /// binary file); kRuntime when reading fails.
  bool next(std::string& line);

  /// What ended the line last read: "\n", "\r\n", or at the file's end "\r" or nothing.
  std::string_view ending() const;
  /// Whether a byte order mark stood before the first line, once that is read.
  bool byte_order_mark() const;
  /// Of the line last read, from 1; 0 before the first.
  std::uint64_t line_number() const;
  /// "path:line", for errors.
  std::string where() const;
  const std::filesystem::path& path() const;
  /// Bytes of the file (compressed, if it is) consumed so far, for progress.
  std::uint64_t file_bytes_read() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace discreet::core
