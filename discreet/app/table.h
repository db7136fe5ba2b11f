#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace discreet::app {

/// Some columns of a table file, as strings: what figures are computed from, no text that anybody
/// wrote. JSON numbers and truth values are spelled as JSON does; null is an empty string.
struct Table {
  std::string path;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> columns;  ///< columns[c][row]
  std::vector<std::int64_t> lines;                ///< Where each row begins, from 1.

  std::size_t rows() const { return lines.size(); }
  const std::vector<std::string>& column(const std::string& name) const;
  /// "path:line"
  std::string where(std::size_t row) const;
  /// The cell as a number; "inf" and "-inf" are numbers, NaN is not.
  /// Throws: kBadData naming file, line, column and what stands there.
  double number(std::size_t row, const std::string& name) const;
  bool is_number(std::size_t row, const std::string& name) const;
};

/// The names of the columns: of the first row, or of the first JSON object; none in an empty file.
std::vector<std::string> table_columns(const std::filesystem::path& path);

/// By which a file of rows is told: its extension, or that before ".gz".
std::string row_kind(const std::filesystem::path& path);

/// Reads columns `names` of a .jsonl, .csv or .tsv file (each also with .gz; anything else is read
/// as JSON lines). Rows that are empty lines are skipped. Throws: kBadData naming file and line for
/// what is not such a file, an absent column (with the nearest name), a row of another length;
/// kRuntime if the file cannot be read.
Table read_table(const std::filesystem::path& path, const std::vector<std::string>& names);

}  // namespace discreet::app
