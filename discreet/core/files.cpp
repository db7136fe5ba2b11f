#include "discreet/core/files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/internal/fault_plan.h"

namespace discreet::core {
namespace fs = std::filesystem;
namespace {

Error system_failure(const char* what, const fs::path& path) {
  return runtime_failure(
      fmt::format("{}: cannot {}: {}", path.string(), what, std::strerror(errno)));
}

void sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw system_failure("open", path);
  const int failed = ::fsync(fd);
  ::close(fd);
  if (failed) throw system_failure("sync", path);
}

void write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw system_failure("write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

fs::path temporary_beside(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  return folder / fmt::format(".tmp-{}-{}-{}", path.filename().string(), ::getpid(), counter++);
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

namespace internal {

FaultPlan& fault_plan() {
  static FaultPlan plan = [] {
    const char* at = std::getenv("DISCREET_FAULT_AT");
    const char* kind = std::getenv("DISCREET_FAULT_KIND");
    return FaultPlan{.at = at ? std::atol(at) : 0,
                     .kill = kind != nullptr && std::strcmp(kind, "kill") == 0};
  }();
  return plan;
}

}  // namespace internal

void fault_point(const char* what) {
  internal::FaultPlan& plan = internal::fault_plan();
  if (plan.at == 0) return;
  static std::atomic<long> count{0};
  if (++count != plan.at) return;
  if (plan.kill) ::kill(::getpid(), SIGKILL);
  throw runtime_failure(fmt::format("injected fault at point {} ({})", plan.at, what));
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in || fs::is_directory(path)) {
    if (fs::is_directory(path)) errno = EISDIR;
    throw system_failure("read", path);
  }
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  write_file_atomically(path, std::span(&bytes, 1));
}

void write_file_atomically(const fs::path& path, std::span<const std::string_view> parts) {
  const fs::path temporary = temporary_beside(path);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) throw system_failure("write", path);
  try {
    fault_point("write");
    for (const auto part : parts) write_all(fd, part, path);
    fault_point("sync");
    if (::fsync(fd) != 0) throw system_failure("sync", path);
  } catch (...) {
    ::close(fd);
    ::unlink(temporary.c_str());
    throw;
  }
  ::close(fd);
  try {
    fault_point("rename");
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw system_failure("rename to", path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_path(parent_of(path));
}

namespace {

fs::path aside_of(const fs::path& path) {
  return parent_of(path) / fmt::format(".old-{}", path.filename().string());
}

/// False if the file system has no exchange.
bool exchange(const fs::path& a, const fs::path& b) {
  if (internal::fault_plan().no_exchange) return false;
  if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
  if (errno == EINVAL || errno == ENOSYS || errno == ENOTSUP) return false;
  throw system_failure("replace", b);
}

void sync_tree(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_symlink()) continue;
    fault_point("sync in folder");
    sync_path(entry.path());
  }
  sync_path(folder);
}

void put_in_place(const fs::path& temporary, const fs::path& path) {
  fault_point("rename folder");
  if (!fs::exists(path)) {
    fs::rename(temporary, path);
    return;
  }
  if (exchange(temporary, path)) return;  // the temporary is the old folder now
  fs::rename(path, aside_of(path));
  fault_point("rename folder after moving the old one aside");
  fs::rename(temporary, path);
}

/// After a failure: what was there before is there again.
void take_back(const fs::path& temporary, const fs::path& path) noexcept {
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  const fs::path aside = aside_of(path);
  if (fs::exists(aside, ignored) && !fs::exists(path, ignored)) fs::rename(aside, path, ignored);
}

}  // namespace

void recover_folder(const fs::path& path) {
  const fs::path aside = aside_of(path);
  if (!fs::exists(aside)) return;
  if (fs::exists(path)) {
    fs::remove_all(aside);
  } else {
    fs::rename(aside, path);
  }
  sync_path(parent_of(path));
}

void write_folder_atomically(const fs::path& path,
                             const std::function<void(const fs::path&)>& fill) {
  const fs::path temporary = temporary_beside(path);
  try {
    recover_folder(path);
    fs::create_directories(temporary);
    fill(temporary);
    sync_tree(temporary);
    put_in_place(temporary, path);
    fault_point("sync parent of folder");
    sync_path(parent_of(path));
    fs::remove_all(temporary);
    fs::remove_all(aside_of(path));
  } catch (const fs::filesystem_error& e) {
    take_back(temporary, path);
    throw runtime_failure(fmt::format("{}: cannot write: {}", path.string(), e.code().message()));
  } catch (...) {
    take_back(temporary, path);
    throw;
  }
}

void remove_folder_atomically(const fs::path& path) {
  if (!fs::exists(path)) return;
  const fs::path temporary = temporary_beside(path);
  fault_point("rename before removal");
  try {
    fs::rename(path, temporary);
    sync_path(parent_of(path));
    fs::remove_all(temporary);
  } catch (const fs::filesystem_error& e) {
    throw runtime_failure(fmt::format("{}: cannot remove: {}", path.string(), e.code().message()));
  }
}

void remove_temporaries(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().rfind(".tmp-", 0) == 0)
      fs::remove_all(entry.path(), ignored);
  }
}

AppendFile::AppendFile(fs::path path) : path_(std::move(path)) {
  const bool is_new = !fs::exists(path_);
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd_ < 0) throw system_failure("open", path_);
  try {
    // A power cut can leave half a line: what was never whole was never promised.
    off_t size = ::lseek(fd_, 0, SEEK_END);
    char last = '\n';
    while (size > 0 && ::pread(fd_, &last, 1, size - 1) == 1 && last != '\n') --size;
    if (::ftruncate(fd_, size) != 0) throw system_failure("truncate", path_);
    // Synced lines are worth nothing in a file whose name is not on the disk.
    if (is_new) sync_path(parent_of(path_));
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

void AppendFile::append(std::string_view line) {
  if (line.find('\n') != std::string_view::npos) {
    throw internal_error(fmt::format("{}: a line to append holds a line end", path_.string()));
  }
  const off_t before = ::lseek(fd_, 0, SEEK_END);
  try {
    fault_point("append");
    write_all(fd_, std::string(line) + "\n", path_);
  } catch (...) {
    // A full disk may take half a line. If even this fails, opening the file again cuts it off.
    if (before >= 0) (void)!::ftruncate(fd_, before);
    throw;
  }
}

void AppendFile::append_synced(std::string_view line) {
  append(line);
  sync();
}

void AppendFile::sync() {
  fault_point("sync");
  if (::fsync(fd_) != 0) throw system_failure("sync", path_);
}

}  // namespace discreet::core
