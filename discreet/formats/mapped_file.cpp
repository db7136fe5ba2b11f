#include "discreet/formats/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "discreet/core/error.h"

namespace discreet::formats {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat about {};
  const bool opened = fd >= 0 && ::fstat(fd, &about) == 0;
  if (opened && S_ISDIR(about.st_mode)) errno = EISDIR;
  bool mapped = opened && !S_ISDIR(about.st_mode);
  if (mapped && about.st_size > 0) {
    const auto size = static_cast<std::size_t>(about.st_size);
    void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    mapped = start != MAP_FAILED;
    if (mapped) bytes_ = {static_cast<const std::byte*>(start), size};
  }
  const int reason = errno;
  if (fd >= 0) ::close(fd);
  if (!mapped) {
    throw runtime_failure(fmt::format("{}: cannot read: {}", path.string(), std::strerror(reason)));
  }
}

MappedFile::~MappedFile() { unmap(); }
MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

void MappedFile::unmap() noexcept {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  bytes_ = {};
}

}  // namespace discreet::formats
