#pragma once

#include <string>
#include <string_view>

namespace discreet::core::internal {

/// stderr as log lines and the progress line share it: a log line first wipes the progress line,
/// which is then drawn again. All of it is safe from any thread.

bool stderr_is_terminal();
/// A terminal, NO_COLOR unset or empty, TERM not "dumb".
bool stderr_has_colour();
/// Columns of the terminal; 80 if unknown.
int stderr_columns();

/// `text` and a line end.
void print_line(std::string_view text);
/// Replaces the progress line; empty removes it. Only on a terminal.
void draw_progress(const std::string& text);

}  // namespace discreet::core::internal
