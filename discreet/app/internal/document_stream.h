#pragma once

#include <atomic>
#include <cstdint>
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

/// A line or a row without its end.
struct StreamedDocument {
  std::string_view text, ending;  ///< `ending`: "\n", "\r\n", or at the file's end nothing.
  std::uint64_t line;             ///< The first of its lines, from 1.
};

/// Changes the texts of one document (a line or a row) and appends the whole to `out`; says whether any changed.
/// May be kept and called later, and several times.
using DocumentChange = std::function<bool(const TextChange& change, std::string_view line, std::string& out)>;

/// Who takes a file apart: what `document` and `header` write with their endings, and `other` as it is, in the order of
/// the calls, is the file again byte for byte.
struct DocumentSink {
  std::function<void(const StreamedDocument& document, const DocumentChange& change)> document;
  std::function<void(const StreamedDocument& row)> header;  ///< Of .csv and .tsv.
  std::function<void(std::string_view bytes)> other;        ///< A byte order mark; blank rows with their ends.
};

/// The documents of a text file, or rows of .jsonl, .csv, .tsv whose texts are `columns`; each also with .gz. A signal
/// (`stop`) ends it between two lines.
/// Throws: kBadData naming file and line, an absent column with the nearest name; kInterrupted, kTerminated.
void stream_documents(const std::filesystem::path& input, const std::vector<std::string>& columns, const DocumentSink& sink,
                      const std::atomic<int>* stop = nullptr);

/// Documents that wait to be changed together, and what is to be written behind each as it is.
struct WaitingDocument {
  std::string line;
  DocumentChange change;
  std::string ending, other;
  std::size_t texts = 0;
};

/// Bytes to be written as they are: behind the last document that waits, or at once.
void pass_on(std::string_view bytes, std::vector<WaitingDocument>& waiting, BlockFile& file);

/// A sink of what has document(row, change) and as_it_is(bytes); it must outlive the sink.
template <class Stream>
DocumentSink sink_into(Stream& stream) {
  return {.document = [&stream](const StreamedDocument& row, const DocumentChange& change) { stream.document(row, change); },
          .header =
              [&stream](const StreamedDocument& row) {
                stream.as_it_is(row.text);
                stream.as_it_is(row.ending);
              },
          .other = [&stream](std::string_view bytes) { stream.as_it_is(bytes); }};
}

/// Throws: kUsage if `output` is one of `inputs`, by whatever path: it would be lost.
void refuse_input_as_output(const std::vector<std::filesystem::path>& inputs, const std::filesystem::path& output);

}  // namespace discreet::app::internal
