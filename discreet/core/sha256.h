#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace discreet::core {

/// Lower-case hex of SHA-256.
std::string sha256(std::string_view bytes);
/// The same of a file, read in blocks. Throws: kRuntime.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace discreet::core
