#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>

#include "discreet/core/json.h"
#include "discreet/formats/mapped_file.h"
#include "discreet/mitigate/distillation/combination.h"

namespace discreet::mitigate {

/// What a cache keeps of each row.
struct TeacherCacheShape {
  std::int64_t vocabulary = 0;  ///< V: tokens, or classes.
  std::int64_t kept = 256;      ///< The K largest log-probabilities; K >= V keeps all, without ids.
  std::int64_t hidden = 0;      ///< Width of the last hidden rows; 0: none are kept.
};

class TeacherCache;

/// Writes a teacher's outputs row by row, whole or not at all: a file beside `path` is moved there by `finish`.
///
/// A row: log of the mass of all tokens that are not kept and log-sum-exp (float32), K ids (16 bits where V
/// allows, else 32), K log-probabilities and the hidden row in half precision. Rest mass is spread evenly over
/// the tokens that are not kept; half precision moves a log-probability l by at most |l| 2^-11.
class TeacherCacheWriter {
 public:
  /// `key` names what the outputs are a function of: teacher, text, shape. Throws: kRuntime.
  TeacherCacheWriter(const std::filesystem::path& path, const TeacherCacheShape& shape, const std::string& key);
  ~TeacherCacheWriter();
  TeacherCacheWriter(const TeacherCacheWriter&) = delete;
  TeacherCacheWriter& operator=(const TeacherCacheWriter&) = delete;

  /// logits [n,V]; hidden [n,shape.hidden] or undefined. They become rows `rows` [n]; without these, the next ones.
  void add(const at::Tensor& logits, const at::Tensor& hidden, std::span<const std::int64_t> rows = {});
  /// Rows `rows` become what rows `from` of another cache are, of the same tokens kept; this one keeps no hidden rows.
  void add_copies(const TeacherCache& other, std::span<const std::int64_t> from, std::span<const std::int64_t> rows);
  /// Throws: kInternal unless each row up to the last was added once.
  void finish();

 private:
  void write(std::int64_t row);

  std::filesystem::path path_, temporary_;
  TeacherCacheShape shape_;
  std::string key_, record_;
  std::int64_t rows_ = 0, next_ = 0, end_ = 0;  ///< Written; where the file stands; behind the last.
  std::FILE* file_ = nullptr;
};

/// Such a file, mapped.
class TeacherCache {
 public:
  /// Throws: kBadData if the file is not whole or not of `key`; kRuntime.
  TeacherCache(const std::filesystem::path& path, const std::string& key);

  std::int64_t rows() const { return rows_; }
  const TeacherCacheShape& shape() const { return shape_; }
  /// These rows as float32 with all V columns, made on `device` from what is kept; log_probs are normalised.
  TeacherOutputs outputs(std::span<const std::int64_t> rows, at::Device device = at::kCPU) const;
  at::Tensor hidden(std::span<const std::int64_t> rows) const;  ///< [n, shape().hidden]

 private:
  friend class TeacherCacheWriter;
  const char* record(std::int64_t row) const;

  formats::MappedFile file_;
  TeacherCacheShape shape_;
  std::int64_t rows_ = 0;
  const char* records_ = nullptr;
};

/// Whether a whole cache of `key` lies at `path`.
bool has_teacher_cache(const std::filesystem::path& path, const std::string& key);

}  // namespace discreet::mitigate
