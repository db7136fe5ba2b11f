#include "discreet/mitigate/distillation/teacher_cache.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "discreet/core/error.h"
#include "discreet/core/files.h"

namespace discreet::mitigate {
namespace fs = std::filesystem;
namespace {

constexpr char kMagic[9] = "DISTTCH1";
constexpr std::size_t kHeader = 1024;  // magic, JSON, blanks

bool is_dense(const TeacherCacheShape& shape) { return shape.kept >= shape.vocabulary; }
bool short_ids(const TeacherCacheShape& shape) { return shape.vocabulary <= 1 << 16; }
std::int64_t kept_of(const TeacherCacheShape& shape) { return std::min(shape.kept, shape.vocabulary); }

std::size_t id_bytes(const TeacherCacheShape& shape) {
  if (is_dense(shape)) return 0;
  return static_cast<std::size_t>(shape.kept) * (short_ids(shape) ? 2 : 4);
}

std::size_t record_bytes(const TeacherCacheShape& shape) {
  const std::size_t halves = static_cast<std::size_t>(kept_of(shape) + shape.hidden) * 2;
  return (8 + id_bytes(shape) + halves + 3) / 4 * 4;
}

std::string header_of(const TeacherCacheShape& shape, const std::string& key, std::int64_t rows) {
  const Json json = {{"key", key},       {"vocabulary", shape.vocabulary}, {"kept", shape.kept},
                     {"hidden", shape.hidden}, {"rows", rows}};
  std::string header = kMagic + json.dump();
  if (header.size() > kHeader) throw internal_error("the key of a teacher's cache is too long");
  header.resize(kHeader, ' ');
  return header;
}

void check(bool written, const fs::path& path) {
  if (!written) throw runtime_failure(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

}  // namespace

TeacherCacheWriter::TeacherCacheWriter(const fs::path& path, const TeacherCacheShape& shape, const std::string& key)
    : path_(path), shape_(shape), key_(key) {
  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  temporary_ = path.parent_path() / fmt::format(".tmp-{}-{}", ::getpid(), path.filename().string());
  file_ = std::fopen(temporary_.c_str(), "wb");
  check(file_ != nullptr, path);
  const std::string header = header_of(shape_, key_, 0);
  check(std::fwrite(header.data(), 1, header.size(), file_) == header.size(), path);
}

TeacherCacheWriter::~TeacherCacheWriter() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  fs::remove(temporary_, ignored);
}

/// The record becomes row `row`.
void TeacherCacheWriter::write(std::int64_t row) {
  const std::size_t place = kHeader + static_cast<std::size_t>(row) * record_.size();
  if (row != next_) check(std::fseek(file_, static_cast<long>(place), SEEK_SET) == 0, path_);
  check(std::fwrite(record_.data(), 1, record_.size(), file_) == record_.size(), path_);
  ++rows_;
  next_ = row + 1;
  end_ = std::max(end_, next_);
}

void TeacherCacheWriter::add_copies(const TeacherCache& other, std::span<const std::int64_t> from, std::span<const std::int64_t> rows) {
  if (other.shape_.vocabulary != shape_.vocabulary || other.shape_.kept != shape_.kept || shape_.hidden > 0 || from.size() != rows.size()) {
    throw internal_error("copies between teachers' caches of different shapes");
  }
  const std::size_t same = 8 + id_bytes(shape_) + static_cast<std::size_t>(kept_of(shape_)) * 2;
  record_.assign(record_bytes(shape_), '\0');
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::memcpy(record_.data(), other.record(from[i]), same);
    write(rows[i]);
  }
}

void TeacherCacheWriter::add(const at::Tensor& logits, const at::Tensor& hidden, std::span<const std::int64_t> places) {
  const at::NoGradGuard no_grad;
  // Where the teacher is: of its many scores only what is kept goes to the host.
  const TeacherOutputs outputs = outputs_of(logits.detach().to(at::kFloat));
  const std::int64_t kept = kept_of(shape_), n = outputs.log_probs.size(0);
  at::Tensor values = outputs.log_probs, ids;
  at::Tensor rest = at::full({n}, -std::numeric_limits<float>::infinity(), outputs.log_probs.options());
  if (!is_dense(shape_)) {
    std::tie(values, ids) = outputs.log_probs.topk(kept, 1);
    // Summed over what is left out, since one minus what is kept loses small masses.
    rest = outputs.log_probs.scatter(1, ids, -std::numeric_limits<float>::infinity()).logsumexp(1);
    ids = ids.cpu().contiguous();
  }
  rest = rest.cpu();
  const at::Tensor halves = values.to(at::kHalf).cpu().contiguous();
  const at::Tensor rows = shape_.hidden > 0 ? hidden.detach().to(at::kCPU, at::kHalf).contiguous() : at::Tensor();
  const auto* value = static_cast<const char*>(halves.const_data_ptr());
  const auto* row = rows.defined() ? static_cast<const char*>(rows.const_data_ptr()) : nullptr;
  const auto* id = ids.defined() ? ids.const_data_ptr<std::int64_t>() : nullptr;
  const auto* rests = rest.const_data_ptr<float>();
  const at::Tensor sums = outputs.log_sum_exp.cpu().contiguous();
  const auto* sum = sums.const_data_ptr<float>();
  const std::size_t value_bytes = static_cast<std::size_t>(kept) * 2, hidden_bytes = static_cast<std::size_t>(shape_.hidden) * 2;
  record_.assign(record_bytes(shape_), '\0');
  for (std::int64_t i = 0; i < n; ++i) {
    char* to = record_.data();
    std::memcpy(to, rests + i, 4);
    std::memcpy(to + 4, sum + i, 4);
    to += 8;
    for (std::int64_t k = 0; id != nullptr && k < kept; ++k) {
      const std::int64_t token = id[i * kept + k];
      const auto narrow = static_cast<std::uint16_t>(token);
      const auto wide = static_cast<std::uint32_t>(token);
      if (short_ids(shape_)) std::memcpy(to + 2 * k, &narrow, 2);
      else std::memcpy(to + 4 * k, &wide, 4);
    }
    to += id_bytes(shape_);
    std::memcpy(to, value + static_cast<std::size_t>(i) * value_bytes, value_bytes);
    if (row != nullptr) std::memcpy(to + value_bytes, row + static_cast<std::size_t>(i) * hidden_bytes, hidden_bytes);
    write(places.empty() ? next_ : places[static_cast<std::size_t>(i)]);
  }
}

void TeacherCacheWriter::finish() {
  if (rows_ != end_) throw internal_error("a teacher's cache with gaps, or with a row twice");
  const std::string header = header_of(shape_, key_, rows_);
  check(std::fseek(file_, 0, SEEK_SET) == 0, path_);
  check(std::fwrite(header.data(), 1, header.size(), file_) == header.size(), path_);
  check(std::fflush(file_) == 0 && ::fsync(::fileno(file_)) == 0, path_);
  check(std::fclose(file_) == 0, path_);
  file_ = nullptr;
  core::fault_point("rename of a teacher's cache");
  fs::rename(temporary_, path_);
}

TeacherCache::TeacherCache(const fs::path& path, const std::string& key) : file_(path) {
  const std::string hint = "Remove the file: it is made again from the teacher.";
  const auto bytes = file_.bytes();
  const auto* start = reinterpret_cast<const char*>(bytes.data());
  if (bytes.size() < kHeader || std::memcmp(start, kMagic, 8) != 0) {
    throw bad_data(path.string() + ": not a cache of a teacher's outputs", hint);
  }
  const Json json = core::parse_json(std::string(start + 8, kHeader - 8), path.string());
  if (json.value("key", "") != key) {
    throw bad_data(path.string() + ": the outputs are of another teacher or another text", hint);
  }
  shape_ = {json.at("vocabulary").get<std::int64_t>(), json.at("kept").get<std::int64_t>(),
            json.at("hidden").get<std::int64_t>()};
  rows_ = json.at("rows").get<std::int64_t>();
  const std::size_t expected = kHeader + static_cast<std::size_t>(rows_) * record_bytes(shape_);
  if (bytes.size() != expected) {
    throw bad_data(fmt::format("{}: {} bytes, {} rows take {}", path.string(), bytes.size(), rows_, expected), hint);
  }
  records_ = start + kHeader;
}

const char* TeacherCache::record(std::int64_t row) const {
  if (row < 0 || row >= rows_) throw internal_error("a row beyond a teacher's cache");
  return records_ + static_cast<std::size_t>(row) * record_bytes(shape_);
}

TeacherOutputs TeacherCache::outputs(std::span<const std::int64_t> rows, at::Device device) const {
  const std::int64_t kept = kept_of(shape_);
  const auto n = static_cast<std::int64_t>(rows.size());
  const bool dense = is_dense(shape_);
  at::Tensor rests = at::empty({n}, at::kFloat), sums = at::empty({n}, at::kFloat), values = at::empty({n, kept}, at::kHalf);
  at::Tensor ids = at::empty({dense ? 0 : n, kept}, at::kLong);
  auto* rest = rests.data_ptr<float>();
  auto* sum = sums.data_ptr<float>();
  auto* value = static_cast<char*>(values.data_ptr());
  auto* id = ids.data_ptr<std::int64_t>();
  const std::size_t value_bytes = static_cast<std::size_t>(kept) * 2;
  for (std::int64_t i = 0; i < n; ++i) {
    const char* from = record(rows[static_cast<std::size_t>(i)]);
    std::memcpy(rest + i, from, 4);
    std::memcpy(sum + i, from + 4, 4);
    from += 8;
    std::memcpy(value + static_cast<std::size_t>(i) * value_bytes, from + id_bytes(shape_), value_bytes);
    for (std::int64_t k = 0; !dense && k < kept; ++k) {
      std::uint16_t narrow = 0;
      std::uint32_t wide = 0;
      if (short_ids(shape_)) std::memcpy(&narrow, from + 2 * k, 2);
      else std::memcpy(&wide, from + 4 * k, 4);
      const std::int64_t token = short_ids(shape_) ? narrow : wide;
      if (token >= shape_.vocabulary) throw bad_data("a teacher's cache names a token beyond its vocabulary");
      id[i * kept + k] = token;
    }
  }
  at::Tensor log_probs = values.to(device).to(at::kFloat);
  if (!dense) {
    const double others = std::log(static_cast<double>(shape_.vocabulary - kept));
    log_probs = (rests.to(device) - others).unsqueeze(1).repeat({1, shape_.vocabulary}).scatter_(1, ids.to(device), log_probs);
  }
  // Rounding to half precision leaves sums near 1.
  return {log_probs.log_softmax(1), sums.to(device)};
}

at::Tensor TeacherCache::hidden(std::span<const std::int64_t> rows) const {
  at::Tensor values = at::empty({static_cast<std::int64_t>(rows.size()), shape_.hidden}, at::kHalf);
  auto* to = static_cast<char*>(values.data_ptr());
  const std::size_t bytes = static_cast<std::size_t>(shape_.hidden) * 2;
  const std::size_t before = 8 + id_bytes(shape_) + static_cast<std::size_t>(kept_of(shape_)) * 2;
  for (std::size_t i = 0; i < rows.size(); ++i) std::memcpy(to + i * bytes, record(rows[i]) + before, bytes);
  return values.to(at::kFloat);
}

bool has_teacher_cache(const fs::path& path, const std::string& key) {
  if (!fs::exists(path)) return false;
  try {
    const TeacherCache cache(path, key);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBadData) throw;
    return false;
  }
}

}  // namespace discreet::mitigate
