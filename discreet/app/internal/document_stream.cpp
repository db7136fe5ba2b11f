#include "discreet/app/internal/document_stream.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "discreet/app/table.h"
#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/lines.h"
#include "discreet/core/operation.h"

namespace discreet::app::internal {
namespace {

constexpr std::size_t kBlock = 1U << 20;

/// Lines of a file, with a look at the signal before each.
class Lines {
 public:
  Lines(const std::filesystem::path& input, const DocumentSink& sink, const std::atomic<int>* stop) : lines_(input), sink_(sink), stop_(stop) {}

  bool next(std::string& line) {
    const core::OperationContext context{.emit = {}, .stop = stop_, .quiet = true};
    if (context.stopping()) throw core::interrupted(context, "Nothing was written to --out.");
    if (!lines_.next(line)) return false;
    if (lines_.line_number() == 1 && lines_.byte_order_mark()) sink_.other("\xEF\xBB\xBF");
    return true;
  }
  /// A blank row, as it is.
  void pass(const std::string& line) const { sink_.other(line + std::string(lines_.ending())); }
  StreamedDocument document(std::string_view text, std::uint64_t line) const { return {text, lines_.ending(), line}; }
  core::LineReader& reader() { return lines_; }

 private:
  core::LineReader lines_;
  const DocumentSink& sink_;
  const std::atomic<int>* stop_;
};

void stream_text(Lines& lines, const DocumentSink& sink) {
  const DocumentChange whole = [](const TextChange& change, std::string_view line, std::string& out) {
    return change(line, out);
  };
  for (std::string line; lines.next(line);) sink.document(lines.document(line, lines.reader().line_number()), whole);
}

void stream_json(Lines& lines, const std::vector<std::string>& columns, const DocumentSink& sink) {
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) {
      lines.pass(line);
      continue;
    }
    sink.document(lines.document(line, lines.reader().line_number()),
                  [columns, where = lines.reader().where()](const TextChange& change, std::string_view text, std::string& out) {
                    return change_json_line(text, columns, change, out, where);
                  });
  }
}

std::vector<std::size_t> places_of(const std::vector<std::string>& columns, const std::vector<std::string>& header,
                                   const std::string& where) {
  std::vector<std::size_t> places;
  for (const std::string& column : columns) {
    const auto found = std::find(header.begin(), header.end(), column);
    if (found == header.end()) {
      const auto near = core::nearest(column, header);
      throw bad_data(fmt::format("{}: no column '{}'; columns: {}", where, column, fmt::join(header, ", ")),
                     near ? fmt::format("Did you mean '{}'?", *near) : "Name columns with --column.");
    }
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  return places;
}

void stream_separated(Lines& lines, char separator, const std::vector<std::string>& columns, const DocumentSink& sink) {
  std::string row, more;
  std::vector<std::size_t> places;
  std::size_t cells = 0;
  while (lines.next(row)) {
    const std::string where = lines.reader().where();
    const std::uint64_t number = lines.reader().line_number();
    if (row.empty()) {
      lines.pass(row);
      continue;
    }
    bool inside = ends_inside_quotes(row, separator, false);
    while (inside) {
      row += lines.reader().ending();
      if (!lines.next(more)) {
        throw bad_data(where + ": a quoted cell that begins in this row never ends",
                       "Close it with '\"'; a cell that begins with a quotation mark of its own is quoted, with that mark doubled.");
      }
      inside = ends_inside_quotes(more, separator, true);
      row += more;
    }
    if (cells == 0) {
      const std::vector<std::string> header = separated_cells(row, separator);
      cells = header.size();
      places = places_of(columns, header, where);
      sink.header(lines.document(row, number));
      continue;
    }
    sink.document(lines.document(row, number), [=](const TextChange& change, std::string_view text, std::string& out) {
      return change_separated_row(text, separator, cells, places, change, out, where);
    });
  }
}

}  // namespace

BlockFile::BlockFile(const std::filesystem::path& path) : path_(path), temporary_(path.string() + ".tmp-block") {
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path());
  file_ = std::fopen(temporary_.c_str(), "wb");
  if (file_ == nullptr) throw runtime_failure(fmt::format("{}: cannot be written", path_.string()));
  buffer.reserve(2 * kBlock);
}

BlockFile::~BlockFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void BlockFile::line(std::string_view text) {
  buffer += text;
  buffer += '\n';
}

void BlockFile::flush_if_full() {
  if (buffer.size() >= kBlock) flush();
}

void BlockFile::finish() {
  flush();
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!closed) throw runtime_failure(fmt::format("{}: cannot be written", path_.string()));
  std::filesystem::rename(temporary_, path_);
}

void BlockFile::flush() {
  if (std::fwrite(buffer.data(), 1, buffer.size(), file_) != buffer.size()) {
    throw runtime_failure(fmt::format("{}: cannot be written: disk full?", path_.string()));
  }
  buffer.clear();
}

void stream_documents(const std::filesystem::path& input, const std::vector<std::string>& columns, const DocumentSink& sink,
                      const std::atomic<int>* stop) {
  const std::string kind = row_kind(input);
  Lines lines(input, sink, stop);
  if (kind == ".jsonl") return stream_json(lines, columns, sink);
  if (kind == ".csv") return stream_separated(lines, ',', columns, sink);
  if (kind == ".tsv") return stream_separated(lines, '\t', columns, sink);
  stream_text(lines, sink);
}

void pass_on(std::string_view bytes, std::vector<WaitingDocument>& waiting, BlockFile& file) {
  (waiting.empty() ? file.buffer : waiting.back().other) += bytes;
}

void refuse_input_as_output(const std::vector<std::filesystem::path>& inputs, const std::filesystem::path& output) {
  for (const std::filesystem::path& input : inputs) {
    std::error_code ignored;
    if (!input.empty() && !output.empty() && std::filesystem::equivalent(input, output, ignored)) {
      throw usage_error("--out is the input itself", "Write to another file.");
    }
  }
}

}  // namespace discreet::app::internal
