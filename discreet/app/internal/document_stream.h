#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "discreet/app/internal/swap_rows.h"

namespace discreet::app::internal {

/// A file that is written in blocks beside its place and moved there when it is whole; else nothing is left.
class BlockFile {
 public:
  /// Throws: kRuntime naming the file.
  explicit BlockFile(const std::filesystem::path& path);
  ~BlockFile();
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  void line(std::string_view text);
  void flush_if_full();
  void finish();

  std::string buffer;  ///< What is still to be written; callers append.

 private:
  void flush();

  std::filesystem::path path_;
  std::string temporary_;
  std::FILE* file_ = nullptr;
};

/// Changes the texts of one document (a line or a row) and appends the whole to `out`; says whether any changed.
/// May be kept and called later, and several times.
using DocumentChange = std::function<bool(const TextChange& change, std::string_view line, std::string& out)>;
using OnDocument = std::function<void(std::string_view line, const DocumentChange& change)>;
using OnHeader = std::function<void(std::string_view line)>;

/// The documents of a text file, or rows of .jsonl, .csv, .tsv whose texts are `columns`; each also with .gz.
/// Throws: kBadData naming file and line, an absent column with the nearest name.
void stream_documents(const std::filesystem::path& input, const std::vector<std::string>& columns,
                      const OnDocument& on_document, const OnHeader& on_header);

}  // namespace discreet::app::internal
