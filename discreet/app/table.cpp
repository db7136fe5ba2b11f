#include "discreet/app/table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "discreet/core/error.h"
#include "discreet/core/fields.h"
#include "discreet/core/json.h"
#include "discreet/core/lines.h"

namespace discreet::app {
namespace {

Error missing_column(const std::string& where, const std::string& name,
                     const std::vector<std::string>& known) {
  const auto near = core::nearest(name, known);
  return bad_data(
      fmt::format("{}: no column '{}'; columns: {}", where, name, fmt::join(known, ", ")),
      near ? fmt::format("Did you mean '{}'?", *near) : "Name one of these columns.");
}

std::string cell_of(const Json& value, const std::string& where, const std::string& name) {
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_structured()) {
    throw bad_data(fmt::format("{}: '{}' is {}, expected a string or a number", where, name,
                               value.is_array() ? "an array" : "an object"));
  }
  return value.dump();
}

void read_json_lines(core::LineReader& lines, Table& table) {
  for (std::string line; lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const Json row = core::parse_json(line, lines.where());
    if (!row.is_object()) {
      throw bad_data(
          fmt::format("{}: expected a JSON object, got {}", lines.where(), row.type_name()),
          "Write one object per line.");
    }
    for (std::size_t c = 0; c < table.names.size(); ++c) {
      const auto found = row.find(table.names[c]);
      if (found == row.end()) {
        std::vector<std::string> known;
        for (const auto& [key, value] : row.items()) known.push_back(key);
        throw missing_column(lines.where(), table.names[c], known);
      }
      table.columns[c].push_back(cell_of(*found, lines.where(), table.names[c]));
    }
    table.lines.push_back(static_cast<std::int64_t>(lines.line_number()));
  }
}

/// The next row's cells (RFC 4180: a quoted cell may hold separators, "" and line ends).
bool next_row(core::LineReader& lines, char separator, std::vector<std::string>& row,
              std::int64_t& first_line) {
  std::string line;
  do {
    if (!lines.next(line)) return false;
  } while (line.empty());
  first_line = static_cast<std::int64_t>(lines.line_number());
  const std::string where = lines.where();
  row.assign(1, "");
  bool quoted = false;
  for (std::size_t at = 0;; ++at) {
    if (at >= line.size()) {
      if (!quoted) return true;
      if (!lines.next(line)) {
        throw bad_data(fmt::format("{}: a quoted cell that begins in this row never ends", where),
                       "Close it with '\"'.");
      }
      row.back() += '\n';
      at = static_cast<std::size_t>(-1);
    } else if (quoted) {
      if (line[at] != '"') {
        row.back() += line[at];
      } else if (at + 1 < line.size() && line[at + 1] == '"') {
        row.back() += '"';
        ++at;
      } else {
        quoted = false;
      }
    } else if (line[at] == '"' && row.back().empty()) {
      quoted = true;
    } else if (line[at] == separator) {
      row.emplace_back();
    } else {
      row.back() += line[at];
    }
  }
}

void read_separated(core::LineReader& lines, char separator, Table& table) {
  std::vector<std::string> header;
  std::int64_t first_line = 0;
  if (!next_row(lines, separator, header, first_line)) {
    throw bad_data(fmt::format("{}: empty, expected a row of column names", table.path));
  }
  std::vector<std::size_t> places;
  for (const std::string& name : table.names) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) throw missing_column(lines.where(), name, header);
    places.push_back(static_cast<std::size_t>(found - header.begin()));
  }
  for (std::vector<std::string> row; next_row(lines, separator, row, first_line);) {
    if (row.size() != header.size()) {
      throw bad_data(fmt::format("{}:{}: row of {} cells, expected {} as in the first row",
                                 table.path, first_line, row.size(), header.size()),
                     "Quote cells that contain the separator.");
    }
    for (std::size_t c = 0; c < places.size(); ++c) table.columns[c].push_back(row[places[c]]);
    table.lines.push_back(first_line);
  }
}

std::optional<double> number_of(const std::string& cell) {
  double value = 0;
  const auto [end, failed] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (cell.empty() || failed != std::errc() || end != cell.data() + cell.size() || std::isnan(value)) return std::nullopt;
  return value;
}

}  // namespace

const std::vector<std::string>& Table::column(const std::string& name) const {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw internal_error("column '" + name + "' was not read");
  return columns[static_cast<std::size_t>(found - names.begin())];
}

std::string Table::where(std::size_t row) const { return fmt::format("{}:{}", path, lines[row]); }

bool Table::is_number(std::size_t row, const std::string& name) const {
  return number_of(column(name)[row]).has_value();
}

double Table::number(std::size_t row, const std::string& name) const {
  const std::string& cell = column(name)[row];
  if (const auto value = number_of(cell)) return *value;
  throw bad_data(fmt::format("{}: {} is '{}', expected a number", where(row), name, cell));
}

std::string row_kind(const std::filesystem::path& path) {
  return (path.extension() == ".gz" ? path.stem() : path).extension().string();
}

std::vector<std::string> table_columns(const std::filesystem::path& path) {
  const std::string kind = row_kind(path);
  core::LineReader lines(path);
  std::vector<std::string> names;
  if (kind == ".csv" || kind == ".tsv") {
    std::int64_t first_line = 0;
    next_row(lines, kind == ".csv" ? ',' : '\t', names, first_line);
    return names;
  }
  for (std::string line; names.empty() && lines.next(line);) {
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    const Json row = core::parse_json(line, lines.where());
    if (!row.is_object()) break;
    for (const auto& [key, value] : row.items()) names.push_back(key);
  }
  return names;
}

Table read_table(const std::filesystem::path& path, const std::vector<std::string>& names) {
  Table table;
  table.path = path.string();
  table.names = names;
  table.columns.resize(names.size());
  const std::string kind = row_kind(path);
  core::LineReader lines(path);
  if (kind == ".csv") {
    read_separated(lines, ',', table);
  } else if (kind == ".tsv") {
    read_separated(lines, '\t', table);
  } else {
    read_json_lines(lines, table);
  }
  return table;
}

}  // namespace discreet::app
