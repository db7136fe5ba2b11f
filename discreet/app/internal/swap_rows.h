#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace discreet::app::internal {

/// Appends an exchanged text to `out`; says whether it changed.
using TextChange = std::function<bool(std::string_view text, std::string& out)>;

/// One line of JSON: changes the string values of `columns` at the top level and appends the line, other bytes
/// as they are, to `out`. Says whether any changed. Throws: kBadData naming `where` for what is no JSON object, a
/// column that is absent or no string.
bool change_json_line(std::string_view line, const std::vector<std::string>& columns, const TextChange& change,
                      std::string& out, const std::string& where);

/// One row of separated values (RFC 4180, possibly over several lines): changes the cells `places`; the row has
/// `cells` of them. As above.
bool change_separated_row(std::string_view row, char separator, std::size_t cells, const std::vector<std::size_t>& places,
                          const TextChange& change, std::string& out, const std::string& where);

/// The unquoted cells of a row.
std::vector<std::string> separated_cells(std::string_view row, char separator);

/// Whether a quoted cell goes on behind this line, which itself begins inside one or not. A quotation mark within a cell
/// that does not begin with one is a character like others.
bool ends_inside_quotes(std::string_view line, char separator, bool begins_inside);

}  // namespace discreet::app::internal
