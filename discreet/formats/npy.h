#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace discreet::formats {

/// An array of a .npy file, row-major, as float32.
struct NpyArray {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

/// Reads float32 or float64, little-endian, in C order; versions 1 to 3 of the format.
/// Throws: kRuntime; kBadData naming the file, what was expected and found.
NpyArray read_npy(const std::filesystem::path& path);
/// The same of bytes; `origin` stands in errors.
NpyArray parse_npy(const std::string& bytes, const std::string& origin);

}  // namespace discreet::formats
