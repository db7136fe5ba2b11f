#include "discreet/core/lines.h"

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "discreet/core/error.h"

namespace discreet::core {
namespace {

constexpr std::size_t kBlockBytes = 256u << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

struct LineReader::State {
  std::filesystem::path path;
  std::size_t max_line_bytes;
  gzFile file = nullptr;
  std::vector<char> block = std::vector<char>(kBlockBytes);
  std::size_t begin = 0, end = 0;
  std::uint64_t line_number = 0;
  std::string_view ending;
  bool byte_order_mark = false;

  ~State() {
    if (file != nullptr) ::gzclose(file);
  }

  /// False at the end of the file.
  bool refill() {
    const int got = ::gzread(file, block.data(), static_cast<unsigned>(block.size()));
    int code = Z_OK;
    const char* reason = ::gzerror(file, &code);
    // A file that stops inside a gzip member gives what it has, then Z_BUF_ERROR.
    if (got < 0 || code == Z_BUF_ERROR) {
      if (code == Z_ERRNO) {
        throw runtime_failure(
            fmt::format("{}: cannot read: {}", path.string(), std::strerror(errno)));
      }
      throw bad_data(fmt::format("{}: damaged gzip data behind line {}: {}", path.string(),
                                 line_number, reason),
                     "The file may be cut off; fetch it again.");
    }
    begin = 0;
    end = static_cast<std::size_t>(got);
    return got > 0;
  }
};

LineReader::LineReader(std::filesystem::path path, std::size_t max_line_bytes)
    : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  state_->max_line_bytes = max_line_bytes;
  if (std::filesystem::is_directory(state_->path)) {
    errno = EISDIR;
  } else {
    state_->file = ::gzopen(state_->path.c_str(), "rbe");
  }
  if (state_->file == nullptr) {
    throw runtime_failure(
        fmt::format("{}: cannot read: {}", state_->path.string(), std::strerror(errno)));
  }
  ::gzbuffer(state_->file, kBlockBytes);
}

LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

bool LineReader::next(std::string& line) {
  State& s = *state_;
  line.clear();
  bool any = false, ended = false;
  while (!ended) {
    if (s.begin == s.end && !s.refill()) break;
    any = true;
    const char* from = s.block.data() + s.begin;
    const auto* newline = static_cast<const char*>(std::memchr(from, '\n', s.end - s.begin));
    ended = newline != nullptr;
    const std::size_t length = ended ? static_cast<std::size_t>(newline - from) : s.end - s.begin;
    if (line.size() + length > s.max_line_bytes) {
      throw bad_data(fmt::format("{}:{}: the line is longer than {} bytes", s.path.string(),
                                 s.line_number + 1, s.max_line_bytes),
                     "This does not look like a text file.");
    }
    line.append(from, length);
    s.begin += length + (ended ? 1 : 0);
  }
  if (!any) return false;
  const bool carriage = !line.empty() && line.back() == '\r';
  if (carriage) line.pop_back();
  s.ending = ended ? (carriage ? "\r\n" : "\n") : (carriage ? "\r" : "");
  if (++s.line_number == 1 && line.rfind(kByteOrderMark, 0) == 0) {
    s.byte_order_mark = true;
    line.erase(0, kByteOrderMark.size());
  }
  return true;
}

std::string_view LineReader::ending() const { return state_->ending; }
bool LineReader::byte_order_mark() const { return state_->byte_order_mark; }
std::uint64_t LineReader::line_number() const { return state_->line_number; }
std::string LineReader::where() const {
  return fmt::format("{}:{}", state_->path.string(), state_->line_number);
}
const std::filesystem::path& LineReader::path() const { return state_->path; }
std::uint64_t LineReader::file_bytes_read() const {
  const auto offset = ::gzoffset(state_->file);
  return offset < 0 ? 0 : static_cast<std::uint64_t>(offset);
}

}  // namespace discreet::core
