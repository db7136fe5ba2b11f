#include "discreet/formats/npy.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <regex>

#include "discreet/core/error.h"
#include "discreet/core/files.h"

namespace discreet::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie");

[[noreturn]] void fail_npy(const std::string& origin, const std::string& what) {
  throw bad_data(origin + ": " + what,
                 "Expected an array saved by numpy.save: float32 or float64, C order.");
}

/// The text of `'key': …` up to the next comma that is outside brackets.
std::string header_value(const std::string& header, const std::string& key,
                         const std::string& origin) {
  const std::regex pattern("'" + key + "'\\s*:\\s*(\\([^)]*\\)|'[^']*'|[A-Za-z]+)");
  std::smatch match;
  if (!std::regex_search(header, match, pattern)) {
    fail_npy(origin, "the header has no '" + key + "'");
  }
  return match[1].str();
}

std::vector<std::int64_t> parse_shape(const std::string& text, const std::string& origin) {
  std::vector<std::int64_t> shape;
  const std::regex number("[0-9]+");
  for (std::sregex_iterator it(text.begin(), text.end(), number), end; it != end; ++it) {
    if (it->str().size() > 12) fail_npy(origin, "shape " + text + " is too large");
    shape.push_back(std::stoll(it->str()));
  }
  return shape;
}

}  // namespace

NpyArray parse_npy(const std::string& bytes, const std::string& origin) {
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0) {
    fail_npy(origin, "this is no .npy file");
  }
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  const bool short_length = byte(6) == 1;
  const std::size_t begin = short_length ? 10 : 12;
  std::size_t length = byte(8) | byte(9) << 8;
  if (!short_length) length |= byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - begin || length > 65536) fail_npy(origin, "the header is cut off");
  const std::string header = bytes.substr(begin, length);
  const std::string type = header_value(header, "descr", origin);
  if (type != "'<f4'" && type != "'<f8'") fail_npy(origin, "values of type " + type);
  if (header_value(header, "fortran_order", origin) != "False") {
    fail_npy(origin, "columns come first (fortran_order)");
  }
  NpyArray array;
  array.shape = parse_shape(header_value(header, "shape", origin), origin);
  const std::size_t width = type == "'<f4'" ? 4 : 8;
  const std::size_t held = (bytes.size() - begin - length) / width;
  std::size_t count = 1;
  for (const std::int64_t extent : array.shape) {
    const auto n = static_cast<std::size_t>(extent);
    if (n != 0 && count > held / n) fail_npy(origin, "fewer values than the shape says");
    count *= n;
  }
  if (bytes.size() - begin - length != count * width) {
    fail_npy(origin, fmt::format("{} bytes of values, the shape says {}",
                                 bytes.size() - begin - length, count * width));
  }
  array.values.resize(count);
  const char* data = bytes.data() + begin + length;
  for (std::size_t i = 0; i < count; ++i) {
    if (width == 4) {
      std::memcpy(&array.values[i], data + 4 * i, 4);
    } else {
      double value = 0;
      std::memcpy(&value, data + 8 * i, 8);
      array.values[i] = static_cast<float>(value);
    }
  }
  return array;
}

NpyArray read_npy(const std::filesystem::path& path) {
  return parse_npy(core::read_file(path), path.string());
}

}  // namespace discreet::formats
