#include "discreet/core/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <mutex>

#include "discreet/core/internal/terminal.h"

namespace discreet::core {
namespace {

/// Lines go where the progress line stands, so that neither spoils the other.
class ScreenSink : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const bool colour = internal::stderr_has_colour();
    std::string line;
    if (message.level == spdlog::level::warn)
      line = colour ? "\x1b[33mwarning:\x1b[0m " : "warning: ";
    if (message.level == spdlog::level::err) line = colour ? "\x1b[31merror:\x1b[0m " : "error: ";
    if (message.level == spdlog::level::debug) line = "debug: ";
    line.append(message.payload.data(), message.payload.size());
    internal::print_line(line);
  }
  void flush_() override {}
};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

LogLevel level_from_environment() {
  const char* text = std::getenv("DISCREET_LOG");
  const std::string name = text == nullptr ? "" : text;
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  if (name == "off") return LogLevel::kOff;
  return LogLevel::kInfo;
}

struct Logger {
  LogLevel level = level_from_environment();
  // Not spdlog's registry: a program that uses this library may have loggers of its own.
  spdlog::logger logger{"discreet", std::make_shared<ScreenSink>()};
  Logger() { logger.set_level(to_spdlog(level)); }
};

Logger& logger() {
  static Logger* instance = new Logger;
  return *instance;
}

}  // namespace

void log(LogLevel level, const std::string& text) { logger().logger.log(to_spdlog(level), text); }

void set_log_level(LogLevel level) {
  logger().level = level;
  logger().logger.set_level(to_spdlog(level));
}

LogLevel log_level() { return logger().level; }

}  // namespace discreet::core
