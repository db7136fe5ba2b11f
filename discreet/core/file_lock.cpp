#include "discreet/core/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

std::string holder_of(int fd) {
  std::string text(256, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? "another process" : text;
}

/// The holder removes the file before it lets go of the lock, so whoever opened the old file in
/// between holds a lock on nothing.
bool still_there(int fd, const std::filesystem::path& path) {
  struct stat of_fd {};
  struct stat of_path {};
  return ::fstat(fd, &of_fd) == 0 && ::stat(path.c_str(), &of_path) == 0 &&
         of_fd.st_ino == of_path.st_ino && of_fd.st_dev == of_path.st_dev;
}

}  // namespace

bool FileLock::take(std::string& holder) {
  for (;;) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd_ < 0) {
      throw runtime_failure(
          fmt::format("{}: cannot lock: {}", path_.string(), std::strerror(errno)));
    }
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      holder = holder_of(fd_);
      ::close(std::exchange(fd_, -1));
      if (reason == EINTR) continue;
      if (reason == EWOULDBLOCK) return false;
      throw runtime_failure(
          fmt::format("{}: cannot lock: {}", path_.string(), std::strerror(reason)),
          "The file system must support flock.");
    }
    if (still_there(fd_, path_)) break;
    ::close(fd_);
  }
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  const std::string text = fmt::format("process {} on {}\n", ::getpid(), host);
  // The holder's name only serves messages: a full disk must not stop the run here.
  if (::ftruncate(fd_, 0) == 0) (void)!::pwrite(fd_, text.data(), text.size(), 0);
  return true;
}

FileLock::FileLock(std::filesystem::path path, const std::string& what) : path_(std::move(path)) {
  std::string holder;
  if (take(holder)) return;
  throw runtime_failure(fmt::format("{} is being written by {}", what, holder),
                        "Wait until it is done, or choose another folder.");
}

std::optional<FileLock> FileLock::try_take(std::filesystem::path path) {
  FileLock lock;
  lock.path_ = std::move(path);
  std::string holder;
  if (!lock.take(holder)) return std::nullopt;
  return lock;
}

FileLock::~FileLock() { release(); }

FileLock::FileLock(FileLock&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void FileLock::release() noexcept {
  if (fd_ < 0) return;
  ::unlink(path_.c_str());
  ::close(fd_);
  fd_ = -1;
}

}  // namespace discreet::core
