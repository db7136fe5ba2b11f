#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace discreet::core {

/// The whole file. Throws: kRuntime naming the file and the system's reason.
std::string read_file(const std::filesystem::path& path);

/// Writes a file whole or not at all: a temporary beside it, fsync, rename, fsync of the folder.
/// Readers see the old file or the new one; a crash leaves at most a `.tmp-*` file.
/// Throws: kRuntime naming the file and the system's reason; the old file is then untouched.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);
/// The same of several parts, one behind the other, without joining them in memory.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::string_view> parts);

/// Fills a folder whole or not at all: `fill` writes into a temporary folder beside `path`, which
/// is synced and renamed. If `path` exists, the two are exchanged in one step and the old one
/// removed, so that at every moment `path` is the old folder or the new one. Where the file system
/// cannot exchange, the old folder is moved to `.old-<name>` first: a crash between leaves none,
/// which `recover_folder` mends.
void write_folder_atomically(const std::filesystem::path& path,
                             const std::function<void(const std::filesystem::path&)>& fill);

/// Puts back the old folder that a crash left moved aside; else does nothing. Call it before
/// reading a folder that `write_folder_atomically` replaces, as its only writer.
void recover_folder(const std::filesystem::path& path);

/// Removes a folder so that it is there whole or not at all. Nothing happens if it is absent.
void remove_folder_atomically(const std::filesystem::path& path);

/// Removes what a crash left behind in `folder` (`.tmp-*`). Only for its one writer.
void remove_temporaries(const std::filesystem::path& folder);

/// A file to which whole lines are appended. `append` adds '\n' and writes with one call;
/// `append_synced` returns only after fsync (ledger). A line that could not be written whole is cut
/// off again; a torn last line (power cut) is cut off on opening. One writer at a time.
class AppendFile {
 public:
  explicit AppendFile(std::filesystem::path path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;
  void append(std::string_view line);
  void append_synced(std::string_view line);
  /// Returns once all lines are on the disk.
  void sync();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

/// Test-only fault injection: every write, sync and rename of this header counts as one point. When
/// DISCREET_FAULT_AT=n is set, the n-th point (from 1) fails: DISCREET_FAULT_KIND=error (default,
/// throws kRuntime "injected"), kill (SIGKILL to itself). Release builds keep it: it costs one
/// comparison, and it changes no guarantee.
void fault_point(const char* what);

}  // namespace discreet::core
