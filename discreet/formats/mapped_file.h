#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace discreet::formats {

/// A file's bytes, read as they are touched. The file must not shrink while it is mapped; files
/// that are replaced by rename, as all of ours are, never do.
class MappedFile {
 public:
  /// Throws: kRuntime naming the file and the system's reason.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  void unmap() noexcept;
  std::span<const std::byte> bytes_;
};

}  // namespace discreet::formats
