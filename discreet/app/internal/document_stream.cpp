#include "discreet/app/internal/document_stream.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/lines.h"

namespace discreet::app::internal {
namespace {

constexpr std::size_t kBlock = 1U << 20;

void stream_text(const std::filesystem::path& input, const OnDocument& on_document) {
  core::LineReader lines(input);
  const DocumentChange whole = [](const TextChange& change, std::string_view line, std::string& out) {
    return change(line, out);
  };
  for (std::string line; lines.next(line);) on_document(line, whole);
}

void stream_json(const std::filesystem::path& input, const std::vector<std::string>& columns,
                 const OnDocument& on_document) {
  core::LineReader lines(input);
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    on_document(line, [columns, where = lines.where()](const TextChange& change, std::string_view text, std::string& out) {
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

void stream_separated(const std::filesystem::path& input, char separator, const std::vector<std::string>& columns,
                      const OnDocument& on_document, const OnHeader& on_header) {
  core::LineReader lines(input);
  std::string row, more;
  std::vector<std::size_t> places;
  std::size_t cells = 0;
  while (lines.next(row)) {
    const std::string where = lines.where();
    if (row.empty()) continue;
    while (!quotes_closed(row)) {
      if (!lines.next(more)) {
        throw bad_data(where + ": a quoted cell that begins in this row never ends", "Close it with '\"'.");
      }
      row += "\n" + more;
    }
    if (cells == 0) {
      const std::vector<std::string> header = separated_cells(row, separator);
      cells = header.size();
      places = places_of(columns, header, where);
      on_header(row);
      continue;
    }
    on_document(row, [=](const TextChange& change, std::string_view text, std::string& out) {
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

void stream_documents(const std::filesystem::path& input, const std::vector<std::string>& columns,
                      const OnDocument& on_document, const OnHeader& on_header) {
  const std::filesystem::path inner = input.extension() == ".gz" ? input.stem() : input;
  if (inner.extension() == ".jsonl") return stream_json(input, columns, on_document);
  if (inner.extension() == ".csv") return stream_separated(input, ',', columns, on_document, on_header);
  if (inner.extension() == ".tsv") return stream_separated(input, '\t', columns, on_document, on_header);
  stream_text(input, on_document);
}

}  // namespace discreet::app::internal
