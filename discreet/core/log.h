#pragma once

#include <fmt/format.h>

#include <string>

namespace discreet::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// Writes one line to stderr ("warning: …"), above a progress line if one stands there. Never to
/// stdout, which belongs to results. Safe from any thread.
void log(LogLevel level, const std::string& text);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

/// What is below is not written. Starts as DISCREET_LOG says (debug, info, warning, error, off),
/// else at info. `--quiet` sets kWarning.
void set_log_level(LogLevel level);
LogLevel log_level();

}  // namespace discreet::core
