#pragma once

#include <filesystem>
#include <system_error>
#include <utility>

namespace discreet::core {

/// A folder for what nobody is to find later: what stood there is gone at once, the rest at the end, however that comes.
/// It is made by whoever writes into it first.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::filesystem::path path) : path_(std::move(path)) { std::filesystem::remove_all(path_); }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace discreet::core
