#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace discreet::core {

/// One writer at a time: an exclusive flock on a file that names its holder. The kernel drops the
/// lock when the holder ends, however it ends, so a lock file left by a dead process is taken over.
class FileLock {
 public:
  /// Takes the lock at once or throws kRuntime naming the holder's process and host. `what` is the
  /// thing that is locked, for the error ("run runs/a").
  FileLock(std::filesystem::path path, const std::string& what);
  /// The lock, or nothing while another process holds it. Throws: kRuntime if it cannot be taken at all.
  static std::optional<FileLock> try_take(std::filesystem::path path);
  /// Removes the file and gives the lock back.
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;

 private:
  FileLock() = default;
  /// Opens and locks `path_`; false while somebody else holds it, who is then `holder`.
  bool take(std::string& holder);
  void release() noexcept;
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace discreet::core
